// Included by kernel_variants.inl once per instruction set.

constexpr int kLargestDc = 8191;
constexpr int kBlendBits = 12;         // of the weights' 13
constexpr int kExpandBits = 17;        // 13 of the weights, 4 of what was blended
constexpr int kOffset = 128 * 16 + 8;  // from signed to unsigned samples, and rounding
constexpr int kBlendOffset = (kOffset << kBlendBits) + (1 << (kBlendBits - 1));

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

template <int kSize>
struct Expansion {
    static constexpr int kBlocks = 8 / kSize;  // in a vector of 8 samples
    // In each 32-bit lane, two of the four neighbours that a sample depends on.
    __m256i shuffles[2];
    __m256i weights[2];

    explicit Expansion(const SurfaceWeights& of) {
        for (int i = 0; i < 2; ++i) {
            alignas(32) int16_t bytes[16], factors[16];
            for (int lane = 0; lane < 16; ++lane) {
                const int block = lane / 2 / kSize;
                const int sample = lane / 2 % kSize;
                const int neighbour = (sample < kSize / 2 ? 0 : 1) + 2 * i + lane % 2;
                const int index = block + neighbour;
                bytes[lane] = static_cast<int16_t>((2 * index + 1) << 8 | 2 * index);
                factors[lane] = of[neighbour][sample];
            }
            shuffles[i] = load(bytes);
            weights[i] = load(factors);
        }
    }

    /// Eight samples, from the block at in[0] on.
    __m256i samples(const int16_t* in) const {
        const __m256i neighbours =
            _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(in - 2)));
        const __m256i sum = _mm256_add_epi32(
            _mm256_madd_epi16(_mm256_shuffle_epi8(neighbours, shuffles[0]), weights[0]),
            _mm256_madd_epi16(_mm256_shuffle_epi8(neighbours, shuffles[1]), weights[1]));
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

inline uint8_t clamp_sample(int value) {
    return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

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
inline void expand_blocks(const int16_t* blended, uint32_t count, const SurfaceWeights& weights,
                          uint8_t* out) {
#if defined(PCR_AVX2)
    static const Expansion<kSize> expansion(weights);  // which depend on the size alone
    expansion.run(blended, count, out);
#else
    for (uint32_t i = 0; i < count; ++i, out += kSize) {
        const int16_t* in = blended + i;
        for (int x = 0; x < kSize; ++x) {
            const int sum = in[-2] * weights[0][x] + in[-1] * weights[1][x] +
                            in[0] * weights[2][x] + in[1] * weights[3][x] + in[2] * weights[4][x];
            out[x] = clamp_sample(sum >> kExpandBits);
        }
    }
#endif
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

void dequantise(const int16_t* dc, int quant, uint32_t count, int16_t* out) {
    for (uint32_t i = 0; i < count; ++i) {
        out[i] = static_cast<int16_t>(std::clamp(dc[i] * quant, -kLargestDc, kLargestDc));
    }
}

const SurfaceKernels kKernels = {dequantise, blend_rows, expand};
