#include "entropy/scan_kernels.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "entropy/appended_value.hpp"
#include "entropy/set_bits.hpp"
#include "memory/little_endian.hpp"
#include "simd/isa.hpp"

namespace pcr {

#define PCR_KERNELS "entropy/scan_kernels.inl"
#include "simd/kernel_variants.inl"

const ScanKernels& scan_kernels() { return select_kernels(); }

}  // namespace pcr
