// Included by kernel_variants.inl once per instruction set.

constexpr int kBlendBits = 12;         // of the weights' 13
constexpr int kExpandBits = 17;        // 13 of the weights, 4 of what was blended
constexpr int kOffset = 128 * 16 + 8;  // from signed to unsigned samples, and rounding
constexpr int kBlendOffset = (kOffset << kBlendBits) + (1 << (kBlendBits - 1));

inline uint8_t clamp_sample(int value) {
    return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

#if defined(PCR_AVX2)

inline __m256i load(const int16_t* values) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values));
}

/// In each 32-bit lane, the weights of two neighbours.
inline __m256i weight_pair(int even, int odd) {
    return _mm256_set1_epi32(static_cast<int>((static_cast<uint32_t>(odd) << 16) |
                                              (static_cast<uint32_t>(even) & 0xFFFF)));
}

void blend_rows(const int16_t* const rows[4], const int16_t weights[4], uint32_t count,
                int16_t* out) {
    const __m256i upper = weight_pair(weights[0], weights[1]);
    const __m256i lower = weight_pair(weights[2], weights[3]);
    const __m256i offset = _mm256_set1_epi32(kBlendOffset);
    for (uint32_t x = 0; x < count; x += 16) {
        const __m256i a = load(rows[0] + x), b = load(rows[1] + x);
        const __m256i c = load(rows[2] + x), d = load(rows[3] + x);
        const auto sum = [&](__m256i ab, __m256i cd) {
            const __m256i total =
                _mm256_add_epi32(_mm256_madd_epi16(ab, upper), _mm256_madd_epi16(cd, lower));
            return _mm256_srai_epi32(_mm256_add_epi32(total, offset), kBlendBits);
        };
        const __m256i low = sum(_mm256_unpacklo_epi16(a, b), _mm256_unpacklo_epi16(c, d));
        const __m256i high = sum(_mm256_unpackhi_epi16(a, b), _mm256_unpackhi_epi16(c, d));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + x), _mm256_packs_epi32(low, high));
    }
}

/// Byte shuffles that bring two neighbours into each 32-bit lane: those of one block into all
/// lanes, or those of two blocks into four lanes each.
inline __m256i pair_shuffle(int first, int second, int of_second_block) {
    const auto bytes = [](int index) { return (2 * index + 1) << 8 | 2 * index; };
    const auto pair = [&](int shift) { return bytes(second + shift) << 16 | bytes(first + shift); };
    return _mm256_set_m128i(_mm_set1_epi32(pair(of_second_block)), _mm_set1_epi32(pair(0)));
}

template <int kSize>
struct Expansion {
    static constexpr int kBlocks = 8 / kSize;  // in a vector of 8 samples
    __m256i weights[3];
    __m256i shuffles[3];

    explicit Expansion(const SurfaceWeights& of) {
        constexpr int kSecond = kBlocks - 1;
        for (int i = 0; i < 3; ++i) {
            alignas(32) int16_t pairs[16];
            for (int x = 0; x < 8; ++x) {
                pairs[2 * x] = of[2 * i][x % kSize];
                pairs[2 * x + 1] = i < 2 ? of[2 * i + 1][x % kSize] : int16_t{0};
            }
            weights[i] = load(pairs);
            shuffles[i] = pair_shuffle(2 * i, i < 2 ? 2 * i + 1 : 2 * i, kSecond);
        }
    }

    /// Eight samples of the block at in[0], and with kSize 4 of the one after it.
    __m256i samples(const int16_t* in) const {
        const __m256i neighbours =
            _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in - 2)));
        __m256i sum = _mm256_madd_epi16(_mm256_shuffle_epi8(neighbours, shuffles[0]), weights[0]);
        for (int i = 1; i < 3; ++i) {
            const __m256i pairs = _mm256_shuffle_epi8(neighbours, shuffles[i]);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, weights[i]));
        }
        return _mm256_srai_epi32(sum, kExpandBits);
    }

    void run(const int16_t* blended, uint32_t count, uint8_t* out) const {
        const __m256i in_order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
        for (uint32_t i = 0; i < count; i += 4 * kBlocks, out += 32) {
            const int16_t* in = blended + i;
            const __m256i first = _mm256_packs_epi32(samples(in), samples(in + kBlocks));
            const __m256i second =
                _mm256_packs_epi32(samples(in + 2 * kBlocks), samples(in + 3 * kBlocks));
            const __m256i bytes = _mm256_packus_epi16(first, second);
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(out),
                                _mm256_permutevar8x32_epi32(bytes, in_order));
        }
    }
};

#else

void blend_rows(const int16_t* const rows[4], const int16_t weights[4], uint32_t count,
                int16_t* out) {
    for (uint32_t x = 0; x < count; ++x) {
        const int sum = rows[0][x] * weights[0] + rows[1][x] * weights[1] +
                        rows[2][x] * weights[2] + rows[3][x] * weights[3];
        out[x] = static_cast<int16_t>((sum + kBlendOffset) >> kBlendBits);
    }
}

#endif

template <int kSize>
inline void expand_portably(const int16_t* blended, uint32_t count, const SurfaceWeights& weights,
                            uint8_t* out) {
    for (uint32_t i = 0; i < count; ++i, out += kSize) {
        const int16_t* in = blended + i;
        for (int x = 0; x < kSize; ++x) {
            const int sum = in[-2] * weights[0][x] + in[-1] * weights[1][x] +
                            in[0] * weights[2][x] + in[1] * weights[3][x] + in[2] * weights[4][x];
            out[x] = clamp_sample(sum >> kExpandBits);
        }
    }
}

template <int kSize>
inline void expand_blocks(const int16_t* blended, uint32_t count, const SurfaceWeights& weights,
                          uint8_t* out) {
#if defined(PCR_AVX2)
    if constexpr (kSize > 2) {
        Expansion<kSize>(weights).run(blended, count, out);
        return;
    }
#endif
    expand_portably<kSize>(blended, count, weights, out);
}

void expand(const int16_t* blended, uint32_t count, int size, const SurfaceWeights& weights,
            uint8_t* out) {
    if (size == 8) {
        expand_blocks<8>(blended, count, weights, out);
    } else if (size == 4) {
        expand_blocks<4>(blended, count, weights, out);
    } else {
        expand_blocks<2>(blended, count, weights, out);
    }
}

const SurfaceKernels kKernels = {blend_rows, expand};
