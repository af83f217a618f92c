// Included by kernel_variants.inl once per instruction set.

#if defined(PCR_AVX2)

// Constants are fixed point with 16 fractional bits. Factors above 1 are split into a whole part
// and a rest that fits 16 bits.
inline __m256i scaled_rounded(__m256i twice, int rest) {  // (value * rest + 2^15) >> 16
    const __m256i product =
        _mm256_mulhi_epi16(twice, _mm256_set1_epi16(static_cast<int16_t>(rest)));
    return _mm256_srai_epi16(_mm256_add_epi16(product, _mm256_set1_epi16(1)), 1);
}

inline __m256i load_16(const uint8_t* p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

inline __m256i load_words(const uint16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

inline void store_16(uint8_t* p, __m256i values) {
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi16(values, values), 0xD8);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(packed));
}

/// -0.34414 blue - 0.71414 red, of eight values in each half.
inline __m256i green_part(__m256i pairs) {
    const __m256i factors =
        _mm256_set1_epi32(static_cast<int>(uint32_t{18734} << 16 | (-22554 & 0xFFFF)));
    const __m256i half = _mm256_set1_epi32(1 << 15);
    return _mm256_srai_epi32(_mm256_add_epi32(_mm256_madd_epi16(pairs, factors), half), 16);
}

void ycbcr_to_rgb(const uint8_t* const ycc[3], uint32_t width, uint8_t* const rgb[3]) {
    const __m256i center = _mm256_set1_epi16(128);
    for (uint32_t x = 0; x < width; x += 16) {
        const __m256i y = load_16(ycc[0] + x);
        const __m256i blue = _mm256_sub_epi16(load_16(ycc[1] + x), center);
        const __m256i red = _mm256_sub_epi16(load_16(ycc[2] + x), center);
        const __m256i blue2 = _mm256_add_epi16(blue, blue);
        const __m256i red2 = _mm256_add_epi16(red, red);
        const __m256i r = _mm256_add_epi16(red, scaled_rounded(red2, 26345));      // 1.40200 - 1
        const __m256i b = _mm256_add_epi16(blue2, scaled_rounded(blue2, -14942));  // 1.77200 - 2
        const __m256i g =
            _mm256_sub_epi16(_mm256_packs_epi32(green_part(_mm256_unpacklo_epi16(blue, red)),
                                                green_part(_mm256_unpackhi_epi16(blue, red))),
                             red);
        store_16(rgb[0] + x, _mm256_add_epi16(y, r));
        store_16(rgb[1] + x, _mm256_add_epi16(y, g));
        store_16(rgb[2] + x, _mm256_add_epi16(y, b));
    }
}

void blend_rows(const uint8_t* near, const uint8_t* far, uint32_t width, uint16_t* sums) {
    for (uint32_t x = 0; x < width; x += 16) {
        const __m256i a = load_16(near + x);
        const __m256i triple = _mm256_add_epi16(a, _mm256_add_epi16(a, a));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums + x),
                            _mm256_add_epi16(triple, load_16(far + x)));
    }
}

void expand_columns(const uint16_t* in, uint32_t width, int even_bias, int odd_bias, int shift,
                    uint8_t* out) {
    const __m256i even = _mm256_set1_epi16(static_cast<int16_t>(even_bias));
    const __m256i odd = _mm256_set1_epi16(static_cast<int16_t>(odd_bias));
    const __m128i bits = _mm_cvtsi32_si128(shift);
    for (uint32_t i = 0; i < width; i += 16) {
        const uint16_t* p = in + i;
        const __m256i a = load_words(p);
        const __m256i triple = _mm256_add_epi16(a, _mm256_add_epi16(a, a));
        const __m256i left = _mm256_srl_epi16(
            _mm256_add_epi16(_mm256_add_epi16(triple, load_words(p - 1)), even), bits);
        const __m256i right = _mm256_srl_epi16(
            _mm256_add_epi16(_mm256_add_epi16(triple, load_words(p + 1)), odd), bits);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 2 * size_t{i}),
                            _mm256_or_si256(left, _mm256_slli_epi16(right, 8)));
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
