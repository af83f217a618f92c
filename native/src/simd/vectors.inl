// Vectors as wide as the registers of the instruction set, AVX2's or AVX-512's, so that one text
// serves both; included by kernels where PCR_AVX2 is defined. PCR_MM(add_epi16) is the
// intrinsic of that name. As in the instructions, packing, unpacking and shuffling stay within
// lanes of 128 bits.

#undef PCR_MM
#if defined(PCR_AVX512)
#define PCR_MM(name) _mm512_##name
using Vector = __m512i;
using HalfVector = __m256i;
#else
#define PCR_MM(name) _mm256_##name
using Vector = __m256i;
using HalfVector = __m128i;
#endif

constexpr uint32_t kWords = sizeof(Vector) / sizeof(int16_t);
constexpr uint32_t kFloats = sizeof(Vector) / sizeof(float);
constexpr uint32_t kLanes = sizeof(Vector) / 16;

inline Vector zero_vector() { return Vector{}; }

inline Vector load_vector(const void* from) {
    Vector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

inline HalfVector load_half(const void* from) {
    HalfVector vector;
    std::memcpy(&vector, from, sizeof vector);
    return vector;
}

template <typename T>
inline void store_vector(void* to, T vector) {
    std::memcpy(to, &vector, sizeof vector);
}

/// As many bytes as the vector has words.
inline Vector widen_bytes(const uint8_t* from) { return PCR_MM(cvtepu8_epi16)(load_half(from)); }

inline HalfVector low_half(Vector vector) {
#if defined(PCR_AVX512)
    return _mm512_castsi512_si256(vector);
#else
    return _mm256_castsi256_si128(vector);
#endif
}

inline HalfVector high_half(Vector vector) {
#if defined(PCR_AVX512)
    return _mm512_extracti64x4_epi64(vector, 1);
#else
    return _mm256_extracti128_si256(vector, 1);
#endif
}

/// The low 64 bits of every lane. AVX2's own way across lanes is slow before Zen 2.
inline HalfVector low_halves_of_lanes(Vector vector) {
#if defined(PCR_AVX512)
    return low_half(_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), vector));
#else
    return _mm_unpacklo_epi64(low_half(vector), high_half(vector));
#endif
}

inline HalfVector high_halves_of_lanes(Vector vector) {
#if defined(PCR_AVX512)
    return high_half(_mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), vector));
#else
    return _mm_unpackhi_epi64(low_half(vector), high_half(vector));
#endif
}

/// As many bytes as the vector has words, which are taken as signed.
inline HalfVector narrow_to_bytes(Vector words) {
#if defined(PCR_AVX512)
    return low_halves_of_lanes(_mm512_packus_epi16(words, words));
#else
    return _mm_packus_epi16(low_half(words), high_half(words));
#endif
}

/// In every 32 bits, two factors of 16 bits.
inline Vector pair_vector(int even, int odd) {
    return PCR_MM(set1_epi32)(static_cast<int>((static_cast<uint32_t>(odd) << 16) |
                                               (static_cast<uint32_t>(even) & 0xFFFF)));
}
