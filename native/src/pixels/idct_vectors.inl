// The 8x8 inverse DCT of several blocks at once, one in each 128-bit lane; included by
// idct_kernels.inl.
#include "simd/vectors.inl"

/// Sums of products of 16-bit pairs, as two halves of 32-bit values.
struct Wide {
    Vector low, high;

    Wide operator+(const Wide& o) const {
        return {PCR_MM(add_epi32)(low, o.low), PCR_MM(add_epi32)(high, o.high)};
    }
    Wide operator-(const Wide& o) const {
        return {PCR_MM(sub_epi32)(low, o.low), PCR_MM(sub_epi32)(high, o.high)};
    }
};

inline Wide interleave(Vector a, Vector b) {
    return {PCR_MM(unpacklo_epi16)(a, b), PCR_MM(unpackhi_epi16)(a, b)};
}

inline Wide multiply_add(const Wide& pairs, int even, int odd) {
    const Vector constant = pair_vector(even, odd);
    return {PCR_MM(madd_epi16)(pairs.low, constant), PCR_MM(madd_epi16)(pairs.high, constant)};
}

inline Wide scale_up(Vector a) {  // a << kConstBits in 32 bits
    const Wide high = interleave(zero_vector(), a);
    return {PCR_MM(srai_epi32)(high.low, 16 - kConstBits),
            PCR_MM(srai_epi32)(high.high, 16 - kConstBits)};
}

template <int kBits>
inline Vector descale_pack(const Wide& a) {
    const Vector half = PCR_MM(set1_epi32)(1 << (kBits - 1));
    return PCR_MM(packs_epi32)(PCR_MM(srai_epi32)(PCR_MM(add_epi32)(a.low, half), kBits),
                               PCR_MM(srai_epi32)(PCR_MM(add_epi32)(a.high, half), kBits));
}

template <int kBits>
inline void idct_pass(Vector r[8]) {
    const Wide c26 = interleave(r[2], r[6]);
    const Wide even3 = multiply_add(c26, kFix0_541196100 + kFix0_765366865, kFix0_541196100);
    const Wide even2 = multiply_add(c26, kFix0_541196100, kFix0_541196100 - kFix1_847759065);
    const Wide even0 = scale_up(PCR_MM(add_epi16)(r[0], r[4]));
    const Wide even1 = scale_up(PCR_MM(sub_epi16)(r[0], r[4]));
    const Wide z34 = interleave(PCR_MM(add_epi16)(r[7], r[3]), PCR_MM(add_epi16)(r[5], r[1]));
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
inline void transpose(Vector r[8]) {
    Vector a[8];
    for (int i = 0; i < 4; ++i) {
        a[2 * i] = PCR_MM(unpacklo_epi16)(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = PCR_MM(unpackhi_epi16)(r[2 * i], r[2 * i + 1]);
    }
    Vector b[8];
    for (int i = 0; i < 2; ++i) {
        b[4 * i] = PCR_MM(unpacklo_epi32)(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = PCR_MM(unpackhi_epi32)(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = PCR_MM(unpacklo_epi32)(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = PCR_MM(unpackhi_epi32)(a[4 * i + 1], a[4 * i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        r[2 * i] = PCR_MM(unpacklo_epi64)(b[i], b[4 + i]);
        r[2 * i + 1] = PCR_MM(unpackhi_epi64)(b[i], b[4 + i]);
    }
}

/// Blocks side by side. Without AC coefficients, ac is kZeroBlock.
struct BlockLanes {
    const int16_t* ac[kLanes];
    int16_t dc[kLanes];
    uint64_t nonzero = 0;  // in any of them
};

inline BlockLanes blocks_at(const BlockRun& run, uint32_t first) {
    BlockLanes blocks;
    for (uint32_t lane = 0; lane < kLanes; ++lane) {
        const uint32_t i = std::min(first + lane, run.count - 1);
        blocks.ac[lane] = run.nonzero[i] == 0 ? kZeroBlock : run.ac + size_t{i} * 64;
        blocks.dc[lane] = run.dc[i];
        blocks.nonzero |= run.nonzero[i];
    }
    return blocks;
}

#if defined(PCR_AVX512)
#include "pixels/idct_rows_avx512.inl"
#else
#include "pixels/idct_rows_avx2.inl"
#endif

inline void store_rows(const Vector r[8], uint8_t* out, size_t stride) {
    const Vector center = PCR_MM(set1_epi8)(static_cast<char>(0x80));
    for (int y = 0; y < 8; y += 2) {
        const Vector packed = PCR_MM(add_epi8)(PCR_MM(packs_epi16)(r[y], r[y + 1]), center);
        store_vector(out + y * stride, low_halves_of_lanes(packed));
        store_vector(out + (y + 1) * stride, high_halves_of_lanes(packed));
    }
}

inline void store_flat(const BlockLanes& blocks, uint16_t quant, uint8_t* out, size_t stride) {
    uint8_t row[8 * kLanes];
    for (uint32_t i = 0; i < kLanes; ++i) {
        std::memset(row + 8 * i, flat_sample(blocks.dc[i], quant), 8);
    }
    for (int y = 0; y < 8; ++y) std::memcpy(out + y * stride, row, sizeof row);
}

void idct_size8(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t stride) {
    const RowLoader loader(quant);
    for (uint32_t i = 0; i < run.count; i += kLanes, out += 8 * kLanes) {
        const BlockLanes blocks = blocks_at(run, i);
        if (blocks.nonzero == 0) {
            store_flat(blocks, quant[0], out, stride);
            continue;
        }
        Vector rows[8];
        loader.load(blocks, rows);
        idct_pass<kConstBits - kPass1Bits>(rows);
        transpose(rows);
        idct_pass<kConstBits + kPass1Bits + 3>(rows);
        transpose(rows);
        store_rows(rows, out, stride);
    }
}
