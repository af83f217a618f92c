// Included by kernel_variants.inl once per instruction set.

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

/// kTaps: the number of taps where it is small, which keeps the weights in registers; 0: any.
template <uint32_t kTaps>
inline void blend_row_taps(const uint8_t* rows, size_t stride, uint32_t width,
                           const int16_t* weights, uint32_t any_taps, int16_t* out) {
    const uint32_t taps = kTaps != 0 ? kTaps : any_taps;
    __m256i kept[kTaps + 1];
    for (uint32_t t = 0; t < kTaps; ++t) kept[t] = _mm256_set1_epi16(weights[t]);
    for (uint32_t x = 0; x < width; x += 16) {
        __m256i sum = _mm256_setzero_si256();
        const uint8_t* source = rows + x;
#pragma GCC unroll 8
        for (uint32_t t = 0; t < taps; ++t, source += stride) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(source));
            const __m256i values = _mm256_slli_epi16(_mm256_cvtepu8_epi16(bytes), kBlendBits);
            const __m256i weight = kTaps != 0 ? kept[t] : _mm256_set1_epi16(weights[t]);
            sum = _mm256_adds_epi16(sum, _mm256_mulhrs_epi16(values, weight));
        }
        _mm256_store_si256(reinterpret_cast<__m256i*>(out + x), sum);
    }
}

void blend_row(const uint8_t* rows, size_t stride, uint32_t width, const int16_t* weights,
               uint32_t taps, int16_t* out) {
    switch (taps) {
        case 3:
            return blend_row_taps<3>(rows, stride, width, weights, taps, out);
        case 4:
            return blend_row_taps<4>(rows, stride, width, weights, taps, out);
        case 5:
            return blend_row_taps<5>(rows, stride, width, weights, taps, out);
        default:
            return blend_row_taps<0>(rows, stride, width, weights, taps, out);
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

void blend_row(const uint8_t* rows, size_t stride, uint32_t width, const int16_t* weights,
               uint32_t taps, int16_t* out) {
    std::fill_n(out, width, int16_t{0});
    for (uint32_t t = 0; t < taps; ++t, rows += stride) {
        for (uint32_t x = 0; x < width; ++x) {
            const int term = (rows[x] * (1 << kBlendBits) * weights[t] + (1 << 14)) >> 15;
            out[x] = static_cast<int16_t>(std::min(out[x] + term, 32767));
        }
    }
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
