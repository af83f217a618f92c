// Included by kernel_variants.inl once per instruction set.

/// Up to here each tap's product is rounded to kBlendBits by itself, which is faster and errs by
/// half of the last bit per tap. More of them are summed exactly: flat areas would drift.
constexpr uint32_t kFewTaps = 5;

/// Fractional bits of a sum of weighted samples beyond kBlendBits.
constexpr int kDroppedBits = kWeightBits - kBlendBits;

#if defined(PCR_AVX2)

inline void transpose8(__m256 r[8]) {
    __m256 a[8], b[8];
    for (int i = 0; i < 4; ++i) {
        a[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; ++i) {
        b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
        b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xEE);
        b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
        b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xEE);
    }
    for (int i = 0; i < 4; ++i) {
        r[i] = _mm256_permute2f128_ps(b[i], b[4 + i], 0x20);
        r[4 + i] = _mm256_permute2f128_ps(b[i], b[4 + i], 0x31);
    }
}

template <uint32_t kTaps>
inline void blend_few_rows(const uint8_t* rows, size_t stride, uint32_t width,
                           const int16_t* weights, int16_t* out) {
    __m256i kept[kTaps];
    for (uint32_t t = 0; t < kTaps; ++t) kept[t] = _mm256_set1_epi16(weights[t]);
    for (uint32_t x = 0; x < width; x += 16) {
        __m256i sum = _mm256_setzero_si256();
        const uint8_t* source = rows + x;
#pragma GCC unroll 8
        for (uint32_t t = 0; t < kTaps; ++t, source += stride) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
            const __m256i values = _mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), kBlendBits);
            sum = _mm256_subs_epi16(sum, _mm256_mulhrs_epi16(values, kept[t]));
        }
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + x), sum);
    }
}

/// Two rows of weights in every 32 bits; a row without a partner gets zero for one.
inline __m256i pair_weights(const int16_t* weights, bool has_second) {
    const uint32_t second = has_second ? static_cast<uint16_t>(weights[1]) : 0;
    return _mm256_set1_epi32(static_cast<int>(second << 16 | static_cast<uint16_t>(weights[0])));
}

inline void blend_many_rows(const uint8_t* rows, size_t stride, uint32_t width,
                            const int16_t* weights, uint32_t taps, int16_t* out) {
    const auto load = [](const uint8_t* source) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
    };
    const __m256i half = _mm256_set1_epi32(1 << (kDroppedBits - 1));
    for (uint32_t x = 0; x < width; x += 16) {
        const uint8_t* source = rows + x;
        __m256i low = half;
        __m256i high = half;
        for (uint32_t t = 0; t < taps; t += 2, source += 2 * stride) {
            const bool has_second = t + 1 < taps;
            const __m128i first = load(source);
            const __m128i second = has_second ? load(source + stride) : _mm_setzero_si128();
            const __m256i weight = pair_weights(weights + t, has_second);
            const __m256i near = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(first, second));
            const __m256i far = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(first, second));
            low = _mm256_sub_epi32(low, _mm256_madd_epi16(near, weight));
            high = _mm256_sub_epi32(high, _mm256_madd_epi16(far, weight));
        }
        const __m256i sums = _mm256_packs_epi32(_mm256_srai_epi32(low, kDroppedBits),
                                                _mm256_srai_epi32(high, kDroppedBits));
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + x),
                           _mm256_permute4x64_epi64(sums, 0xD8));
    }
}

void blend_row(const uint8_t* rows, size_t stride, uint32_t width, const int16_t* weights,
               uint32_t taps, int16_t* out) {
    static_assert(kFewTaps == 5);
    switch (taps) {
        case 1:
            return blend_few_rows<1>(rows, stride, width, weights, out);
        case 2:
            return blend_few_rows<2>(rows, stride, width, weights, out);
        case 3:
            return blend_few_rows<3>(rows, stride, width, weights, out);
        case 4:
            return blend_few_rows<4>(rows, stride, width, weights, out);
        case 5:
            return blend_few_rows<5>(rows, stride, width, weights, out);
        default:
            return blend_many_rows(rows, stride, width, weights, taps, out);
    }
}

void transpose(const int16_t* rows, size_t stride, uint32_t width, float* out) {
    for (uint32_t x = 0; x < width; x += 8) {
        __m256 block[8];
        for (int j = 0; j < 8; ++j) {
            const auto* row = reinterpret_cast<const __m128i*>(rows + j * stride + x);
            block[j] = _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(_mm_load_si128(row)));
        }
        transpose8(block);
        for (int i = 0; i < 8; ++i) _mm256_store_ps(out + (size_t{x} + i) * 8, block[i]);
    }
}

template <uint32_t kTaps>
inline void blend_columns_taps(const float* in, const FilterTaps& filter, float* out,
                               size_t out_stride) {
    const auto width = static_cast<uint32_t>(filter.first.size());
    const uint32_t taps = kTaps != 0 ? kTaps : filter.taps;
    for (uint32_t x = 0; x < width; x += 8) {
        __m256 sums[8];
        for (uint32_t i = 0; i < 8; ++i) {
            const uint32_t column = std::min(x + i, width - 1);
            const float* weights = &filter.weights[size_t{taps} * column];
            const float* source = in + size_t{filter.first[column]} * 8;
            __m256 sum = _mm256_setzero_ps();
#pragma GCC unroll 8
            for (uint32_t t = 0; t < taps; ++t) {
                sum = _mm256_fmadd_ps(_mm256_broadcast_ss(weights + t),
                                      _mm256_load_ps(source + 8 * t), sum);
            }
            sums[i] = sum;
        }
        transpose8(sums);
        for (int j = 0; j < 8; ++j) _mm256_storeu_ps(out + j * out_stride + x, sums[j]);
    }
}

void blend_columns(const float* in, const FilterTaps& filter, float* out, size_t out_stride) {
    switch (filter.taps) {
        case 3:
            return blend_columns_taps<3>(in, filter, out, out_stride);
        case 4:
            return blend_columns_taps<4>(in, filter, out, out_stride);
        case 5:
            return blend_columns_taps<5>(in, filter, out, out_stride);
        default:
            return blend_columns_taps<0>(in, filter, out, out_stride);
    }
}

#else

inline void blend_few_rows(const uint8_t* rows, size_t stride, uint32_t width,
                           const int16_t* weights, uint32_t taps, int16_t* out) {
    std::fill_n(out, width, int16_t{0});
    for (uint32_t t = 0; t < taps; ++t, rows += stride) {
        for (uint32_t x = 0; x < width; ++x) {
            const int term = (rows[x] * (1 << kBlendBits) * weights[t] + (1 << 14)) >> 15;
            out[x] = static_cast<int16_t>(out[x] - term);
        }
    }
}

inline void blend_many_rows(const uint8_t* rows, size_t stride, uint32_t width,
                            const int16_t* weights, uint32_t taps, int16_t* out) {
    constexpr uint32_t kColumns = 16;
    for (uint32_t x = 0; x < width; x += kColumns) {
        int32_t sums[kColumns];
        std::fill_n(sums, kColumns, 1 << (kDroppedBits - 1));
        const uint8_t* source = rows + x;
        for (uint32_t t = 0; t < taps; ++t, source += stride) {
            for (uint32_t i = 0; i < kColumns; ++i) sums[i] -= source[i] * weights[t];
        }
        for (uint32_t i = 0; i < kColumns; ++i) {
            out[x + i] = static_cast<int16_t>(sums[i] >> kDroppedBits);
        }
    }
}

void blend_row(const uint8_t* rows, size_t stride, uint32_t width, const int16_t* weights,
               uint32_t taps, int16_t* out) {
    const auto blend = taps <= kFewTaps ? blend_few_rows : blend_many_rows;
    blend(rows, stride, width, weights, taps, out);
}

void transpose(const int16_t* rows, size_t stride, uint32_t width, float* out) {
    for (uint32_t x = 0; x < width; ++x) {
        for (uint32_t j = 0; j < kRowsAtOnce; ++j) *out++ = rows[j * stride + x];
    }
}

void blend_columns(const float* in, const FilterTaps& filter, float* out, size_t out_stride) {
    for (uint32_t x = 0; x < filter.first.size(); ++x) {
        float sums[kRowsAtOnce] = {};
        const float* weights = &filter.weights[size_t{filter.taps} * x];
        const float* source = in + size_t{filter.first[x]} * kRowsAtOnce;
        for (uint32_t t = 0; t < filter.taps; ++t) {
            for (uint32_t j = 0; j < kRowsAtOnce; ++j) sums[j] += weights[t] * *source++;
        }
        for (uint32_t j = 0; j < kRowsAtOnce; ++j) out[j * out_stride + x] = sums[j];
    }
}

#endif

template <typename T, typename Convert>
inline void store_converted(const float* values, uint32_t count, float scale, float bias, T* out,
                            size_t step, Convert convert) {
    if (step == 1) {  // apart, so that the compiler vectorises it
        for (uint32_t i = 0; i < count; ++i) out[i] = convert(values[i] * scale + bias);
    } else {
        for (uint32_t i = 0; i < count; ++i) out[i * step] = convert(values[i] * scale + bias);
    }
}

void store_row(const float* values, uint32_t count, float scale, float bias, DType dtype,
               uint8_t* out, size_t step) {
    switch (dtype) {
        case DType::kUint8:
            return store_converted(values, count, scale, bias, out, step, [](float v) {
                return static_cast<uint8_t>(
                    static_cast<int>(std::min(std::max(v, 0.0f), 255.0f) + 0.5f));
            });
        case DType::kFloat32:
            return store_converted(values, count, scale, bias, reinterpret_cast<float*>(out), step,
                                   [](float v) { return v; });
        case DType::kFloat16:
#if defined(PCR_AVX2)
            return store_converted(values, count, scale, bias, reinterpret_cast<uint16_t*>(out),
                                   step,
                                   [](float v) { return static_cast<uint16_t>(_cvtss_sh(v, 0)); });
#else
            return store_converted(values, count, scale, bias, reinterpret_cast<uint16_t*>(out),
                                   step, to_float16);
#endif
        case DType::kBfloat16:
            return store_converted(values, count, scale, bias, reinterpret_cast<uint16_t*>(out),
                                   step, to_bfloat16);
    }
}

const ResampleKernels kKernels = {blend_row, transpose, blend_columns, store_row};
