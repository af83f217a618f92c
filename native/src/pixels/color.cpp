#include "pixels/color.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "simd/isa.hpp"

namespace pcr {

#define PCR_KERNELS_HAVE_AVX512 1
#define PCR_KERNELS "pixels/color_kernels.inl"
#include "simd/kernel_variants.inl"

const ColorKernels& color_kernels() { return select_kernels(); }

namespace {

/// a * b / 255, rounded, as Pillow's MULDIV255 computes it.
inline int multiply_255(int a, int b) {
    const int t = a * b + 128;
    return ((t >> 8) + t) >> 8;
}

/// Both arguments inverted: ink 255 means none.
inline uint8_t ink_to_light(int color, int black) {
    return static_cast<uint8_t>(std::max(0, black - multiply_255(255 - color, black)));
}

}  // namespace

void split_rgb_row(const uint8_t* rgb, uint32_t width, uint8_t* r, uint8_t* g, uint8_t* b) {
    for (uint32_t x = 0; x < width; ++x) {
        r[x] = rgb[3 * size_t{x}];
        g[x] = rgb[3 * size_t{x} + 1];
        b[x] = rgb[3 * size_t{x} + 2];
    }
}

void inverted_cmyk_row_to_rgb(const uint8_t* cmyk, uint32_t width, uint8_t* r, uint8_t* g,
                              uint8_t* b) {
    for (uint32_t x = 0; x < width; ++x, cmyk += 4) {
        r[x] = ink_to_light(cmyk[0], cmyk[3]);
        g[x] = ink_to_light(cmyk[1], cmyk[3]);
        b[x] = ink_to_light(cmyk[2], cmyk[3]);
    }
}

void inverted_cmyk_planes_to_rgb(const uint8_t* const cmyk[4], uint32_t width,
                                 uint8_t* const rgb[3]) {
    for (int c = 0; c < 3; ++c) {
        for (uint32_t x = 0; x < width; ++x) rgb[c][x] = ink_to_light(cmyk[c][x], cmyk[3][x]);
    }
}

}  // namespace pcr
