// Included by kernel_variants.inl once per instruction set.

/// Up to here each tap's product is rounded to kBlendBits by itself, which is faster and errs by
/// half of the last bit per tap. More of them are summed exactly: flat areas would drift.
constexpr uint32_t kFewTaps = 5;

/// Fractional bits of a sum of weighted samples beyond kBlendBits.
constexpr int kDroppedBits = kWeightBits - kBlendBits;

#if defined(PCR_AVX2)
#include "simd/vectors.inl"

constexpr uint32_t kRowsAtOnce = kFloats;

template <uint32_t kTaps>
inline void blend_few_rows(const uint8_t* rows, size_t stride, uint32_t width,
                           const int16_t* weights, int16_t* out) {
    Vector kept[kTaps];
    for (uint32_t t = 0; t < kTaps; ++t) kept[t] = PCR_MM(set1_epi16)(weights[t]);
    for (uint32_t x = 0; x < width; x += kWords) {
        Vector sum = zero_vector();
        const uint8_t* source = rows + x;
#pragma GCC unroll 8
        for (uint32_t t = 0; t < kTaps; ++t, source += stride) {
            const Vector values = PCR_MM(slli_epi16)(widen_bytes(source), kBlendBits);
            sum = PCR_MM(subs_epi16)(sum, PCR_MM(mulhrs_epi16)(values, kept[t]));
        }
        store_vector(out + x, sum);
    }
}

inline void blend_many_rows(const uint8_t* rows, size_t stride, uint32_t width,
                            const int16_t* weights, uint32_t taps, int16_t* out) {
    const Vector half = PCR_MM(set1_epi32)(1 << (kDroppedBits - 1));
    for (uint32_t x = 0; x < width; x += kWords) {
        const uint8_t* source = rows + x;
        Vector low = half;
        Vector high = half;
        for (uint32_t t = 0; t < taps; t += 2, source += 2 * stride) {
            const bool has_second = t + 1 < taps;
            const Vector first = widen_bytes(source);
            const Vector second = has_second ? widen_bytes(source + stride) : zero_vector();
            const Vector pair = pair_vector(weights[t], has_second ? weights[t + 1] : 0);
            const Vector near = PCR_MM(unpacklo_epi16)(first, second);
            const Vector far = PCR_MM(unpackhi_epi16)(first, second);
            low = PCR_MM(sub_epi32)(low, PCR_MM(madd_epi16)(near, pair));
            high = PCR_MM(sub_epi32)(high, PCR_MM(madd_epi16)(far, pair));
        }
        store_vector(out + x, PCR_MM(packs_epi32)(PCR_MM(srai_epi32)(low, kDroppedBits),
                                                  PCR_MM(srai_epi32)(high, kDroppedBits)));
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

inline __m128i load_lane(const int16_t* words) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(words));
}

/// Eight columns of every fourth row from `rows` on, a row in each lane.
inline Vector load_rows(const int16_t* rows, size_t stride) {
    const __m256i two = _mm256_inserti128_si256(_mm256_castsi128_si256(load_lane(rows)),
                                                load_lane(rows + 4 * stride), 1);
#if defined(PCR_AVX512)
    const __m512i three =
        _mm512_inserti32x4(_mm512_castsi256_si512(two), load_lane(rows + 8 * stride), 2);
    return _mm512_inserti32x4(three, load_lane(rows + 12 * stride), 3);
#else
    return two;
#endif
}

void transpose(const int16_t* rows, size_t stride, uint32_t width, float* out) {
    for (uint32_t x = 0; x < width; x += 8) {
        Vector row[4];
        for (uint32_t i = 0; i < 4; ++i) row[i] = load_rows(rows + i * stride + x, stride);
        const Vector left01 = PCR_MM(unpacklo_epi16)(row[0], row[1]);
        const Vector left23 = PCR_MM(unpacklo_epi16)(row[2], row[3]);
        const Vector right01 = PCR_MM(unpackhi_epi16)(row[0], row[1]);
        const Vector right23 = PCR_MM(unpackhi_epi16)(row[2], row[3]);
        const Vector column_pairs[4] = {
            PCR_MM(unpacklo_epi32)(left01, left23), PCR_MM(unpackhi_epi32)(left01, left23),
            PCR_MM(unpacklo_epi32)(right01, right23), PCR_MM(unpackhi_epi32)(right01, right23)};
        float* column = out + size_t{x} * kRowsAtOnce;
        for (const Vector pair : column_pairs) {  // four rows of both in each lane
            for (const Vector twice :
                 {PCR_MM(unpacklo_epi16)(pair, pair), PCR_MM(unpackhi_epi16)(pair, pair)}) {
                store_vector(column, PCR_MM(cvtepi32_ps)(PCR_MM(srai_epi32)(twice, 16)));
                column += kRowsAtOnce;
            }
        }
    }
}

/// Eight columns of all rows to parts of rows, `stride` apart.
inline void store_columns(const FloatVector columns[8], float* out, size_t stride) {
    FloatVector a[8];
    for (int i = 0; i < 8; i += 2) {
        a[i] = PCR_MM(unpacklo_ps)(columns[i], columns[i + 1]);
        a[i + 1] = PCR_MM(unpackhi_ps)(columns[i], columns[i + 1]);
    }
    for (uint32_t row = 0; row < 4; ++row) {  // and every fourth row after it
        const uint32_t i = row / 2;
        FloatVector left, right;
        if (row % 2 == 0) {
            left = PCR_MM(shuffle_ps)(a[i], a[i + 2], 0x44);
            right = PCR_MM(shuffle_ps)(a[i + 4], a[i + 6], 0x44);
        } else {
            left = PCR_MM(shuffle_ps)(a[i], a[i + 2], 0xEE);
            right = PCR_MM(shuffle_ps)(a[i + 4], a[i + 6], 0xEE);
        }
        float* to = out + row * stride;
#if defined(PCR_AVX512)
        const __m512i first = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
        const __m512i second = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
        for (const __m512i& order : {first, second}) {
            const __m512d both =
                _mm512_permutex2var_pd(_mm512_castps_pd(left), order, _mm512_castps_pd(right));
            store_vector(to, _mm512_castpd512_pd256(both));
            store_vector(to + 4 * stride, _mm512_extractf64x4_pd(both, 1));
            to += 8 * stride;
        }
#else
        for (const FloatVector part : {left, right}) {
            store_vector(to, _mm256_castps256_ps128(part));
            store_vector(to + 4 * stride, _mm256_extractf128_ps(part, 1));
            to += 4;
        }
#endif
    }
}

template <uint32_t kTaps>
inline void blend_columns_taps(const float* in, const FilterTaps& filter, float* out,
                               size_t out_stride) {
    const auto width = static_cast<uint32_t>(filter.first.size());
    const uint32_t taps = kTaps != 0 ? kTaps : filter.taps;
    for (uint32_t x = 0; x < width; x += 8) {
        FloatVector sums[8];
        for (uint32_t i = 0; i < 8; ++i) {
            const uint32_t column = std::min(x + i, width - 1);
            const float* weights = &filter.weights[size_t{taps} * column];
            const float* source = in + size_t{filter.first[column]} * kRowsAtOnce;
            FloatVector sum{};
#pragma GCC unroll 8
            for (uint32_t t = 0; t < taps; ++t) {
                sum = PCR_MM(fmadd_ps)(PCR_MM(set1_ps)(weights[t]),
                                       PCR_MM(load_ps)(source + kRowsAtOnce * t), sum);
            }
            sums[i] = sum;
        }
        store_columns(sums, out + x, out_stride);
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
        case 6:
            return blend_columns_taps<6>(in, filter, out, out_stride);
        default:
            return blend_columns_taps<0>(in, filter, out, out_stride);
    }
}

#else

constexpr uint32_t kRowsAtOnce = 8;

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

const ResampleKernels kKernels = {kRowsAtOnce, blend_row, transpose, blend_columns, store_row};
