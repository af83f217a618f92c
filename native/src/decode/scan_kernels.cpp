#include "scan_kernels.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "isa.hpp"

namespace pcr::decode {

namespace portable {
#include "scan_kernels.inl"
}  // namespace portable

#if defined(PCR_HAVE_AVX2_KERNELS)
PCR_BEGIN_AVX2
namespace avx2 {
#define PCR_AVX2 1
#include "scan_kernels.inl"
#undef PCR_AVX2
}  // namespace avx2
PCR_END_AVX2
#endif

const ScanKernels& scan_kernels() {
#if defined(PCR_HAVE_AVX2_KERNELS)
    if (use_avx2_kernels()) return avx2::kScanKernels;
#endif
    return portable::kScanKernels;
}

}  // namespace pcr::decode
