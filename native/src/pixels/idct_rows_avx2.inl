// Dequantised rows of two blocks, by byte shuffles; included by idct_vectors.inl.

/// Byte shuffles that bring zigzag vector s (8 values) to natural row r.
struct ZigzagShuffles {
    alignas(16) uint8_t bytes[8][8][16];

    ZigzagShuffles() {
        std::memset(bytes, 0x80, sizeof bytes);
        for (int k = 0; k < 64; ++k) {
            const int natural = kZigzagToNatural[k];
            uint8_t* shuffle = bytes[natural / 8][k / 8] + 2 * (natural % 8);
            shuffle[0] = static_cast<uint8_t>(2 * (k % 8));
            shuffle[1] = static_cast<uint8_t>(2 * (k % 8) + 1);
        }
    }
};

template <int kRow>
inline __m256i gather_row(const ZigzagShuffles&, const __m256i*) {
    return _mm256_setzero_si256();
}

/// Natural row kRow out of the zigzag vectors kSource, kRest...
template <int kRow, int kSource, int... kRest>
inline __m256i gather_row(const ZigzagShuffles& shuffles, const __m256i* zigzag) {
    const __m256i shuffle = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(shuffles.bytes[kRow][kSource])));
    const __m256i part = _mm256_shuffle_epi8(zigzag[kSource], shuffle);
    if constexpr (sizeof...(kRest) == 0) {
        return part;
    } else {
        return _mm256_or_si256(part, gather_row<kRow, kRest...>(shuffles, zigzag));
    }
}

inline __m256i load_two(const void* low, const void* high) {
    return _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(low))),
        _mm_loadu_si128(static_cast<const __m128i*>(high)), 1);
}

/// Dequantised rows in natural order of two blocks. kVectors: how many zigzag vectors may hold
/// nonzero values.
template <int kVectors>
inline void load_rows(const ZigzagShuffles& shuffles, const BlockLanes& blocks,
                      const QuantTable& quant, __m256i r[8]) {
    __m256i z[8];
    for (int s = 0; s < kVectors; ++s) {
        z[s] = load_two(blocks.ac[0] + 8 * s, blocks.ac[1] + 8 * s);
        if (s == 0) {
            const __m256i dc =
                _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_cvtsi32_si128(blocks.dc[0])),
                                        _mm_cvtsi32_si128(blocks.dc[1]), 1);
            z[0] = _mm256_blend_epi16(z[0], dc, 1);
        }
        z[s] = _mm256_mullo_epi16(z[s], load_two(&quant[8 * s], &quant[8 * s]));
    }
    if constexpr (kVectors <= 4) {
        r[0] = gather_row<0, 0, 1, 3>(shuffles, z);
        r[1] = gather_row<1, 0, 1, 2, 3>(shuffles, z);
        r[2] = gather_row<2, 0, 1, 2, 3>(shuffles, z);
        r[3] = gather_row<3, 1, 2, 3>(shuffles, z);
        r[4] = gather_row<4, 1, 2>(shuffles, z);
        r[5] = gather_row<5, 2>(shuffles, z);
        r[6] = gather_row<6, 2>(shuffles, z);
        r[7] = _mm256_setzero_si256();
    } else {
        r[0] = gather_row<0, 0, 1, 3>(shuffles, z);
        r[1] = gather_row<1, 0, 1, 2, 3, 5>(shuffles, z);
        r[2] = gather_row<2, 0, 1, 2, 3, 5>(shuffles, z);
        r[3] = gather_row<3, 1, 2, 3, 5, 6>(shuffles, z);
        r[4] = gather_row<4, 1, 2, 4, 5, 6>(shuffles, z);
        r[5] = gather_row<5, 2, 4, 5, 6, 7>(shuffles, z);
        r[6] = gather_row<6, 2, 4, 5, 6, 7>(shuffles, z);
        r[7] = gather_row<7, 4, 6, 7>(shuffles, z);
    }
}

class RowLoader {
  public:
    explicit RowLoader(const QuantTable& quant) : quant_(quant) {}

    void load(const BlockLanes& blocks, Vector rows[8]) const {
        constexpr uint64_t kBeyondFourVectors = ~uint64_t{0} << 32;  // zigzag indices 32 … 63
        if ((blocks.nonzero & kBeyondFourVectors) == 0) {
            load_rows<4>(shuffles(), blocks, quant_, rows);
        } else {
            load_rows<8>(shuffles(), blocks, quant_, rows);
        }
    }

  private:
    static const ZigzagShuffles& shuffles() {
        static const ZigzagShuffles made;
        return made;
    }

    const QuantTable& quant_;
};
