#include "scan_kernels.hpp"

#include <array>
#include <cstdlib>

#include "../decode/isa.hpp"

namespace pcr::encode {

namespace {

constexpr unsigned kMaxAcBits = 10;       // of a coefficient of 8-bit samples
constexpr unsigned kZeroRun = 0xF0;       // ZRL: 16 zeros
constexpr unsigned kMaxBandRun = 0x7FFF;  // EOB14's greatest
// libjpeg codes a run of bands early when it holds more correction bits than this.
constexpr unsigned kMaxCorrectionBits = 1000 - 64 + 1;

}  // namespace

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
    if (decode::use_avx2_kernels()) return avx2::kScanKernels;
#endif
    return portable::kScanKernels;
}

}  // namespace pcr::encode
