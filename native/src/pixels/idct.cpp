#include "pixels/idct.hpp"

#include <algorithm>
#include <cstring>

#include "simd/isa.hpp"

namespace pcr {
namespace {

// Constants scaled by 2^13.
constexpr int kConstBits = 13;
constexpr int kPass1Bits = 2;
constexpr int kFix0_211164243 = 1730;
constexpr int kFix0_298631336 = 2446;
constexpr int kFix0_390180644 = 3196;
constexpr int kFix0_509795579 = 4176;
constexpr int kFix0_541196100 = 4433;
constexpr int kFix0_601344887 = 4926;
constexpr int kFix0_720959822 = 5906;
constexpr int kFix0_765366865 = 6270;
constexpr int kFix0_850430095 = 6967;
constexpr int kFix0_899976223 = 7373;
constexpr int kFix1_061594337 = 8697;
constexpr int kFix1_175875602 = 9633;
constexpr int kFix1_272758580 = 10426;
constexpr int kFix1_451774981 = 11893;
constexpr int kFix1_501321110 = 12299;
constexpr int kFix1_847759065 = 15137;
constexpr int kFix1_961570560 = 16069;
constexpr int kFix2_053119869 = 16819;
constexpr int kFix2_172734803 = 17799;
constexpr int kFix2_562915447 = 20995;
constexpr int kFix3_072711026 = 25172;
constexpr int kFix3_624509785 = 29692;

alignas(64) constexpr int16_t kZeroBlock[64] = {};

/// The sample of a block that has only a DC coefficient; 16-bit wrap-around as in the SIMD code.
uint8_t flat_sample(int16_t dc, uint16_t quant) {
    const auto scaled = static_cast<int16_t>(static_cast<int16_t>(dc * quant) * (1 << kPass1Bits));
    return static_cast<uint8_t>(std::clamp((scaled + 16) >> 5, -128, 127) + 128);
}

}  // namespace

#define PCR_KERNELS_HAVE_AVX512 1
#define PCR_KERNELS "pixels/idct_kernels.inl"
#include "simd/kernel_variants.inl"

const IdctKernels& idct_kernels() { return select_kernels(); }

}  // namespace pcr
