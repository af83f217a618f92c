// The 8x8 inverse DCT of two blocks at once, one per 128-bit lane; included by idct_kernels.inl.

inline __m256i pair_constant(int even, int odd) {
    return _mm256_set1_epi32(static_cast<int>((static_cast<uint32_t>(odd) << 16) |
                                              (static_cast<uint32_t>(even) & 0xFFFF)));
}

/// Sums of products of 16-bit pairs, as two halves of 32-bit values.
struct Wide {
    __m256i low, high;

    Wide operator+(const Wide& o) const {
        return {_mm256_add_epi32(low, o.low), _mm256_add_epi32(high, o.high)};
    }
    Wide operator-(const Wide& o) const {
        return {_mm256_sub_epi32(low, o.low), _mm256_sub_epi32(high, o.high)};
    }
};

inline Wide interleave(__m256i a, __m256i b) {
    return {_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)};
}

inline Wide multiply_add(const Wide& pairs, int even, int odd) {
    const __m256i constant = pair_constant(even, odd);
    return {_mm256_madd_epi16(pairs.low, constant), _mm256_madd_epi16(pairs.high, constant)};
}

inline Wide scale_up(__m256i a) {  // a << kConstBits in 32 bits
    const Wide high = interleave(_mm256_setzero_si256(), a);
    return {_mm256_srai_epi32(high.low, 16 - kConstBits),
            _mm256_srai_epi32(high.high, 16 - kConstBits)};
}

template <int kBits>
inline __m256i descale_pack(const Wide& a) {
    const __m256i half = _mm256_set1_epi32(1 << (kBits - 1));
    return _mm256_packs_epi32(_mm256_srai_epi32(_mm256_add_epi32(a.low, half), kBits),
                              _mm256_srai_epi32(_mm256_add_epi32(a.high, half), kBits));
}

template <int kBits>
inline void idct_pass(__m256i r[8]) {
    const Wide c26 = interleave(r[2], r[6]);
    const Wide even3 = multiply_add(c26, kFix0_541196100 + kFix0_765366865, kFix0_541196100);
    const Wide even2 = multiply_add(c26, kFix0_541196100, kFix0_541196100 - kFix1_847759065);
    const Wide even0 = scale_up(_mm256_add_epi16(r[0], r[4]));
    const Wide even1 = scale_up(_mm256_sub_epi16(r[0], r[4]));
    const Wide z34 = interleave(_mm256_add_epi16(r[7], r[3]), _mm256_add_epi16(r[5], r[1]));
    const Wide z3 = multiply_add(z34, kFix1_175875602 - kFix1_961570560, kFix1_175875602);
    const Wide z4 = multiply_add(z34, kFix1_175875602, kFix1_175875602 - kFix0_390180644);
    const Wide c71 = interleave(r[7], r[1]);
    const Wide c53 = interleave(r[5], r[3]);
    const Wide odd0 = multiply_add(c71, kFix0_298631336 - kFix0_899976223, -kFix0_899976223) + z3;
    const Wide odd3 = multiply_add(c71, -kFix0_899976223, kFix1_501321110 - kFix0_899976223) + z4;
    const Wide odd1 = multiply_add(c53, kFix2_053119869 - kFix2_562915447, -kFix2_562915447) + z4;
    const Wide odd2 = multiply_add(c53, -kFix2_562915447, kFix3_072711026 - kFix2_562915447) + z3;
    const Wide sum0 = even0 + even3;
    const Wide sum1 = even1 + even2;
    const Wide sum2 = even1 - even2;
    const Wide sum3 = even0 - even3;
    r[0] = descale_pack<kBits>(sum0 + odd3);
    r[7] = descale_pack<kBits>(sum0 - odd3);
    r[1] = descale_pack<kBits>(sum1 + odd2);
    r[6] = descale_pack<kBits>(sum1 - odd2);
    r[2] = descale_pack<kBits>(sum2 + odd1);
    r[5] = descale_pack<kBits>(sum2 - odd1);
    r[3] = descale_pack<kBits>(sum3 + odd0);
    r[4] = descale_pack<kBits>(sum3 - odd0);
}

/// Transposes the 8x8 block of 16-bit values in each lane.
inline void transpose(__m256i r[8]) {
    __m256i a[8];
    for (int i = 0; i < 4; ++i) {
        a[2 * i] = _mm256_unpacklo_epi16(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi16(r[2 * i], r[2 * i + 1]);
    }
    __m256i b[8];
    for (int i = 0; i < 2; ++i) {
        b[4 * i] = _mm256_unpacklo_epi32(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = _mm256_unpackhi_epi32(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = _mm256_unpacklo_epi32(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = _mm256_unpackhi_epi32(a[4 * i + 1], a[4 * i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        r[2 * i] = _mm256_unpacklo_epi64(b[i], b[4 + i]);
        r[2 * i + 1] = _mm256_unpackhi_epi64(b[i], b[4 + i]);
    }
}

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
inline void load_rows(const ZigzagShuffles& shuffles, const int16_t* a, const int16_t* b,
                      int16_t dc_a, int16_t dc_b, const QuantTable& quant, __m256i r[8]) {
    __m256i z[8];
    for (int s = 0; s < kVectors; ++s) {
        z[s] = load_two(a + 8 * s, b + 8 * s);
        if (s == 0) {
            const __m256i dc = _mm256_inserti128_si256(
                _mm256_castsi128_si256(_mm_cvtsi32_si128(dc_a)), _mm_cvtsi32_si128(dc_b), 1);
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

/// Two blocks, side by side.
inline void store_rows(const __m256i r[8], uint8_t* out, size_t stride) {
    const __m256i center = _mm256_set1_epi8(static_cast<char>(0x80));
    for (int y = 0; y < 8; y += 2) {
        const __m256i packed = _mm256_add_epi8(_mm256_packs_epi16(r[y], r[y + 1]), center);
        const __m256i rows = _mm256_permute4x64_epi64(packed, 0xD8);
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + y * stride),
                         _mm256_castsi256_si128(rows));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (y + 1) * stride),
                         _mm256_extracti128_si256(rows, 1));
    }
}

inline void store_flat(uint8_t a, uint8_t b, uint8_t* out, size_t stride) {
    const __m128i row = _mm_unpacklo_epi64(_mm_set1_epi8(static_cast<char>(a)),
                                           _mm_set1_epi8(static_cast<char>(b)));
    for (int y = 0; y < 8; ++y) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + y * stride), row);
}

void idct_size8(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t stride) {
    static const ZigzagShuffles shuffles;
    constexpr uint64_t kBeyondFourVectors = ~uint64_t{0} << 32;  // zigzag indices 32 … 63
    for (uint32_t i = 0; i < run.count; i += 2, out += 16) {
        const uint32_t j = std::min(i + 1, run.count - 1);
        const uint64_t nonzero = run.nonzero[i] | run.nonzero[j];
        if (nonzero == 0) {
            store_flat(flat_sample(run.dc[i], quant[0]), flat_sample(run.dc[j], quant[0]), out,
                       stride);
            continue;
        }
        const int16_t* a = run.nonzero[i] == 0 ? kZeroBlock : run.ac + size_t{i} * 64;
        const int16_t* b = run.nonzero[j] == 0 ? kZeroBlock : run.ac + size_t{j} * 64;
        __m256i rows[8];
        if ((nonzero & kBeyondFourVectors) == 0) {
            load_rows<4>(shuffles, a, b, run.dc[i], run.dc[j], quant, rows);
        } else {
            load_rows<8>(shuffles, a, b, run.dc[i], run.dc[j], quant, rows);
        }
        idct_pass<kConstBits - kPass1Bits>(rows);
        transpose(rows);
        idct_pass<kConstBits + kPass1Bits + 3>(rows);
        transpose(rows);
        store_rows(rows, out, stride);
    }
}
