// Included by kernel_variants.inl once per instruction set.

#if defined(PCR_AVX2)
#include "simd/vectors.inl"

/// value * factor / 2^15, rounded. With the factors below, every chroma value becomes what
/// libjpeg's 16 fractional bits make of it.
inline Vector scaled(Vector value, int factor) {
    return PCR_MM(mulhrs_epi16)(value, PCR_MM(set1_epi16)(static_cast<int16_t>(factor)));
}

/// -0.34414 blue - 0.71414 red, of the pairs in a half of each lane.
inline Vector green_part(Vector pairs) {
    const Vector half = PCR_MM(set1_epi32)(1 << 15);
    const Vector sum = PCR_MM(madd_epi16)(pairs, pair_vector(-22554, 18734));
    return PCR_MM(srai_epi32)(PCR_MM(add_epi32)(sum, half), 16);
}

void ycbcr_to_rgb(const uint8_t* const ycc[3], uint32_t width, uint8_t* const rgb[3]) {
    const Vector center = PCR_MM(set1_epi16)(128);
    for (uint32_t x = 0; x < width; x += kWords) {
        const Vector y = widen_bytes(ycc[0] + x);
        const Vector blue = PCR_MM(sub_epi16)(widen_bytes(ycc[1] + x), center);
        const Vector red = PCR_MM(sub_epi16)(widen_bytes(ycc[2] + x), center);
        const Vector r = PCR_MM(add_epi16)(red, scaled(red, 13172));  // 1.40200 - 1
        const Vector b =
            PCR_MM(add_epi16)(PCR_MM(add_epi16)(blue, blue), scaled(blue, -7471));  // 1.77200 - 2
        const Vector g =
            PCR_MM(sub_epi16)(PCR_MM(packs_epi32)(green_part(PCR_MM(unpacklo_epi16)(blue, red)),
                                                  green_part(PCR_MM(unpackhi_epi16)(blue, red))),
                              red);
        store_vector(rgb[0] + x, narrow_to_bytes(PCR_MM(add_epi16)(y, r)));
        store_vector(rgb[1] + x, narrow_to_bytes(PCR_MM(add_epi16)(y, g)));
        store_vector(rgb[2] + x, narrow_to_bytes(PCR_MM(add_epi16)(y, b)));
    }
}

inline Vector tripled(Vector a) { return PCR_MM(add_epi16)(a, PCR_MM(add_epi16)(a, a)); }

void blend_rows(const uint8_t* near, const uint8_t* far, uint32_t width, uint16_t* sums) {
    for (uint32_t x = 0; x < width; x += kWords) {
        store_vector(sums + x,
                     PCR_MM(add_epi16)(tripled(widen_bytes(near + x)), widen_bytes(far + x)));
    }
}

void expand_columns(const uint16_t* in, uint32_t width, int even_bias, int odd_bias, int shift,
                    uint8_t* out) {
    const Vector even = PCR_MM(set1_epi16)(static_cast<int16_t>(even_bias));
    const Vector odd = PCR_MM(set1_epi16)(static_cast<int16_t>(odd_bias));
    const __m128i bits = _mm_cvtsi32_si128(shift);
    for (uint32_t i = 0; i < width; i += kWords) {
        const uint16_t* p = in + i;
        const Vector triple = tripled(load_vector(p));
        const Vector left = PCR_MM(srl_epi16)(
            PCR_MM(add_epi16)(PCR_MM(add_epi16)(triple, load_vector(p - 1)), even), bits);
        const Vector right = PCR_MM(srl_epi16)(
            PCR_MM(add_epi16)(PCR_MM(add_epi16)(triple, load_vector(p + 1)), odd), bits);
        store_vector(out + 2 * size_t{i}, left | PCR_MM(slli_epi16)(right, 8));
    }
}

#else

inline uint8_t clamp_u8(int value) {
    return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void ycbcr_to_rgb(const uint8_t* const ycc[3], uint32_t width, uint8_t* const rgb[3]) {
    const uint8_t* __restrict y = ycc[0];
    const uint8_t* __restrict cb = ycc[1];
    const uint8_t* __restrict cr = ycc[2];
    uint8_t* __restrict r = rgb[0];
    uint8_t* __restrict g = rgb[1];
    uint8_t* __restrict b = rgb[2];
    constexpr int kHalf = 1 << 15;
    for (uint32_t x = 0; x < width; ++x) {
        const int blue = cb[x] - 128;
        const int red = cr[x] - 128;
        r[x] = clamp_u8(y[x] + ((91881 * red + kHalf) >> 16));                  // 1.40200
        g[x] = clamp_u8(y[x] + ((-22554 * blue - 46802 * red + kHalf) >> 16));  // 0.34414, 0.71414
        b[x] = clamp_u8(y[x] + ((116130 * blue + kHalf) >> 16));                // 1.77200
    }
}

void blend_rows(const uint8_t* __restrict near, const uint8_t* __restrict far, uint32_t width,
                uint16_t* __restrict sums) {
    for (uint32_t x = 0; x < width; ++x) sums[x] = static_cast<uint16_t>(3 * near[x] + far[x]);
}

void expand_columns(const uint16_t* __restrict in, uint32_t width, int even_bias, int odd_bias,
                    int shift, uint8_t* __restrict out) {
    const auto even = static_cast<uint16_t>(even_bias);
    const auto odd = static_cast<uint16_t>(odd_bias);
    for (uint32_t i = 0; i < width; ++i) {
        const auto triple = static_cast<uint16_t>(3 * in[i]);
        out[2 * i] = static_cast<uint8_t>(
            static_cast<uint16_t>(triple + in[static_cast<ptrdiff_t>(i) - 1] + even) >> shift);
        out[2 * i + 1] =
            static_cast<uint8_t>(static_cast<uint16_t>(triple + in[i + 1] + odd) >> shift);
    }
}

#endif

const ColorKernels kKernels = {ycbcr_to_rgb, blend_rows, expand_columns};
