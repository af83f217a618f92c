// Included by kernel_variants.inl once per instruction set.

/// Up to here each tap's product is rounded to kBlendBits by itself, which is faster and errs by
/// half of the last bit per tap. More of them are summed exactly: flat areas would drift.
constexpr uint32_t kFewTaps = 5;

/// Fractional bits of a sum of weighted samples beyond kBlendBits.
constexpr int kDroppedBits = kWeightBits - kBlendBits;

#if defined(PCR_AVX2)
#include "simd/vectors.inl"

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

/// The eight values from the first of each group on.
inline Vector load_groups(const int16_t* in, const uint32_t* first) {
    const __m256i two = _mm256_inserti128_si256(_mm256_castsi128_si256(load_lane(in + first[0])),
                                                load_lane(in + first[1]), 1);
#if defined(PCR_AVX512)
    const __m512i three =
        _mm512_inserti32x4(_mm512_castsi256_si512(two), load_lane(in + first[2]), 2);
    return _mm512_inserti32x4(three, load_lane(in + first[3]), 3);
#else
    return two;
#endif
}

/// Sums * scale + bias.
template <typename Sums>
inline auto scale_sums(Sums sums, float scale, float bias) {
    if constexpr (sizeof(Sums) == sizeof(__m128i)) {
        return _mm_fmadd_ps(_mm_cvtepi32_ps(sums), _mm_set1_ps(scale), _mm_set1_ps(bias));
    } else {
        return PCR_MM(fmadd_ps)(PCR_MM(cvtepi32_ps)(sums), PCR_MM(set1_ps)(scale),
                                PCR_MM(set1_ps)(bias));
    }
}

/// As many groups at once as a vector holds. kPairs: of taps.
template <uint32_t kPairs>
inline void blend_near(const int16_t* in, const NearColumns& columns, float scale, float bias,
                       float* out) {
    const size_t outputs = columns.shuffles.size();
    for (size_t x = 0; x < outputs; x += kFloats) {
        const uint32_t* first = &columns.first[x / NearColumns::kGroupOutputs];
        const Vector shuffle = load_vector(&columns.shuffles[x]);
        Vector sums = zero_vector();
#pragma GCC unroll 4
        for (uint32_t pair = 0; pair < kPairs; ++pair) {
            const Vector values = PCR_MM(shuffle_epi8)(load_groups(in + 2 * pair, first), shuffle);
            const Vector weights = load_vector(&columns.weights[pair * outputs + x]);
            sums = PCR_MM(sub_epi32)(sums, PCR_MM(madd_epi16)(values, weights));
        }
        store_vector(out + x, scale_sums(sums, scale, bias));
    }
}

inline void blend_far(const int16_t* in, const FarColumns& columns, float scale, float bias,
                      float* out) {
    const int16_t* weights = columns.weights.data();
    for (size_t x = 0; x < columns.first.size(); x += 4) {
        __m128i sums[4] = {};
        for (int i = 0; i < 4; ++i) {
            const int16_t* source = in + columns.first[x + i];
            for (uint32_t t = 0; t < columns.taps; t += 8, weights += 8) {
                const __m128i products = _mm_madd_epi16(load_lane(source + t), load_lane(weights));
                sums[i] = _mm_sub_epi32(sums[i], products);
            }
        }
        const __m128i sum =
            _mm_hadd_epi32(_mm_hadd_epi32(sums[0], sums[1]), _mm_hadd_epi32(sums[2], sums[3]));
        store_vector(out + x, scale_sums(sum, scale, bias));
    }
}

void blend_columns(const int16_t* in, const ColumnTaps& columns, float scale, float bias,
                   float* out) {
    if (!columns.are_near) return blend_far(in, columns.far, scale, bias, out);
    const NearColumns& near = columns.near;
    static_assert(NearColumns::kMostPairs == 3);
    switch (near.pairs) {
        case 1:
            return blend_near<1>(in, near, scale, bias, out);
        case 2:
            return blend_near<2>(in, near, scale, bias, out);
        default:
            return blend_near<3>(in, near, scale, bias, out);
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

template <uint32_t kTaps>
inline void blend_columns_taps(const int16_t* in, const FilterTaps& filter, float scale, float bias,
                               float* out) {
    const uint32_t taps = kTaps != 0 ? kTaps : filter.taps;
    const int16_t* weights = filter.negated.data();
    for (const uint32_t first : filter.first) {
        int32_t sum = 0;
#pragma GCC unroll 8
        for (uint32_t t = 0; t < taps; ++t) sum -= in[first + t] * *weights++;
        *out++ = static_cast<float>(sum) * scale + bias;
    }
}

void blend_columns(const int16_t* in, const ColumnTaps& columns, float scale, float bias,
                   float* out) {
    const FilterTaps& filter = columns.filter;
    switch (filter.taps) {
        case 3:
            return blend_columns_taps<3>(in, filter, scale, bias, out);
        case 4:
            return blend_columns_taps<4>(in, filter, scale, bias, out);
        case 5:
            return blend_columns_taps<5>(in, filter, scale, bias, out);
        default:
            return blend_columns_taps<0>(in, filter, scale, bias, out);
    }
}

#endif

template <typename T, typename Convert>
inline void store_converted(const float* values, uint32_t count, T* out, size_t step,
                            Convert convert) {
    if (step == 1) {  // apart, so that the compiler vectorises it
        for (uint32_t i = 0; i < count; ++i) out[i] = convert(values[i]);
    } else {
        for (uint32_t i = 0; i < count; ++i) out[i * step] = convert(values[i]);
    }
}

void store_row(const float* values, uint32_t count, DType dtype, uint8_t* out, size_t step) {
    switch (dtype) {
        case DType::kUint8:
            return store_converted(values, count, out, step, [](float v) {
                return static_cast<uint8_t>(
                    static_cast<int>(std::min(std::max(v, 0.0f), 255.0f) + 0.5f));
            });
        case DType::kFloat32:
            return store_converted(values, count, reinterpret_cast<float*>(out), step,
                                   [](float v) { return v; });
        case DType::kFloat16:
#if defined(PCR_AVX2)
            return store_converted(values, count, reinterpret_cast<uint16_t*>(out), step,
                                   [](float v) { return static_cast<uint16_t>(_cvtss_sh(v, 0)); });
#else
            return store_converted(values, count, reinterpret_cast<uint16_t*>(out), step,
                                   to_float16);
#endif
        case DType::kBfloat16:
            return store_converted(values, count, reinterpret_cast<uint16_t*>(out), step,
                                   to_bfloat16);
    }
}

const ResampleKernels kKernels = {blend_row, blend_columns, store_row};
