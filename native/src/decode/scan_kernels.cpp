#include "scan_kernels.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "isa.hpp"

namespace pcr::decode {

#define PCR_KERNELS "scan_kernels.inl"
#include "kernel_variants.inl"

const ScanKernels& scan_kernels() { return select_kernels(); }

}  // namespace pcr::decode
