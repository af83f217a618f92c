#include "pixels/resample_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "simd/isa.hpp"

namespace pcr {
namespace {

uint16_t to_bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);  // to nearest even
}

/// IEEE 754 binary16, to nearest even.
uint16_t to_float16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = (bits >> 16) & 0x8000;
    const uint32_t magnitude = bits & 0x7FFFFFFF;
    if (magnitude >= 0x47800000) {  // too large, infinite or not a number
        return static_cast<uint16_t>(sign | (magnitude > 0x7F800000 ? 0x7E00 : 0x7C00));
    }
    if (magnitude < 0x38800000) {  // subnormal
        const float scaled = std::abs(value) * 16777216.0f;
        return static_cast<uint16_t>(sign | static_cast<uint32_t>(std::nearbyint(scaled)));
    }
    const uint32_t rounded = magnitude + 0xFFF + ((magnitude >> 13) & 1);
    return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

}  // namespace

#define PCR_KERNELS_HAVE_AVX512 1
#define PCR_KERNELS "pixels/resample_kernels.inl"
#include "simd/kernel_variants.inl"

const ResampleKernels& resample_kernels() { return select_kernels(); }

}  // namespace pcr
