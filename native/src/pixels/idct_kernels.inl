// Included by kernel_variants.inl once per instruction set: the reduced-size outputs, and what the
// full size shares with them.

inline void dequantise(const BlockRun& run, uint32_t i, const QuantTable& quant, int16_t out[64]) {
    std::memset(out, 0, 64 * sizeof *out);
    out[0] = static_cast<int16_t>(run.dc[i] * quant[0]);
    for (uint64_t left = run.nonzero[i]; left != 0; left &= left - 1) {
        const int k = __builtin_ctzll(left);
        out[kZigzagToNatural[k]] = static_cast<int16_t>(run.ac[size_t{i} * 64 + k] * quant[k]);
    }
}

/// Extreme coefficients of damaged images wrap around, as they do in vector instructions.
inline int descale(uint32_t value, int bits) {
    return static_cast<int>(value + (uint32_t{1} << (bits - 1))) >> bits;
}

inline int16_t saturate_i16(int value) {
    return static_cast<int16_t>(value < -32768 ? -32768 : value > 32767 ? 32767 : value);
}

inline uint8_t to_sample(int value) {
    return static_cast<uint8_t>((value < -128 ? -128 : value > 127 ? 127 : value) + 128);
}

/// The sample of a block, or of a part of it, of which only DC is known.
inline uint8_t mean_sample(int16_t dc, uint16_t quant) {
    return to_sample(descale(static_cast<uint32_t>(static_cast<int16_t>(dc * quant)), 3));
}

/// The 4-point output of 8 inputs (the fifth is not used), before descaling.
struct Reduced4 {
    uint32_t sum0, sum1, difference1, difference0;
};

inline Reduced4 reduce_to_4(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t c5,
                            uint32_t c6, uint32_t c7) {
    const uint32_t even0 = c0 << (kConstBits + 1);
    const uint32_t even2 = c2 * kFix1_847759065 - c6 * kFix0_765366865;
    const uint32_t odd0 =
        c5 * kFix1_451774981 + c1 * kFix1_061594337 - c7 * kFix0_211164243 - c3 * kFix2_172734803;
    const uint32_t odd2 =
        c3 * kFix0_899976223 + c1 * kFix2_562915447 - c7 * kFix0_509795579 - c5 * kFix0_601344887;
    const uint32_t outer = even0 + even2;
    const uint32_t inner = even0 - even2;
    return {outer + odd2, inner + odd0, inner - odd0, outer - odd2};
}

void idct_size4(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t stride) {
    constexpr int kBits1 = kConstBits - kPass1Bits + 1;
    constexpr int kBits2 = kConstBits + kPass1Bits + 3 + 1;
    for (uint32_t i = 0; i < run.count; ++i, out += 4) {
        if (run.nonzero[i] == 0) {
            const uint8_t sample = flat_sample(run.dc[i], quant[0]);
            for (int y = 0; y < 4; ++y) std::memset(out + y * stride, sample, 4);
            continue;
        }
        alignas(32) int16_t in[64];
        alignas(32) int16_t work[4][8];
        dequantise(run, i, quant, in);
        for (int x = 0; x < 8; ++x) {
            const Reduced4 column = reduce_to_4(in[x], in[8 + x], in[16 + x], in[24 + x],
                                                in[40 + x], in[48 + x], in[56 + x]);
            work[0][x] = saturate_i16(descale(column.sum0, kBits1));
            work[1][x] = saturate_i16(descale(column.sum1, kBits1));
            work[2][x] = saturate_i16(descale(column.difference1, kBits1));
            work[3][x] = saturate_i16(descale(column.difference0, kBits1));
        }
        for (int y = 0; y < 4; ++y) {
            const int16_t* w = work[y];
            const Reduced4 row = reduce_to_4(w[0], w[1], w[2], w[3], w[5], w[6], w[7]);
            uint8_t* samples = out + y * stride;
            samples[0] = to_sample(descale(row.sum0, kBits2));
            samples[1] = to_sample(descale(row.sum1, kBits2));
            samples[2] = to_sample(descale(row.difference1, kBits2));
            samples[3] = to_sample(descale(row.difference0, kBits2));
        }
    }
}

inline uint32_t reduce_odd_to_2(uint32_t c1, uint32_t c3, uint32_t c5, uint32_t c7) {
    return c5 * kFix0_850430095 + c1 * kFix3_624509785 - c7 * kFix0_720959822 -
           c3 * kFix1_272758580;
}

void idct_size2(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t stride) {
    constexpr int kBits1 = kConstBits - kPass1Bits + 2;
    constexpr int kBits2 = kConstBits + kPass1Bits + 3 + 2;
    constexpr int kShift = kConstBits + 2;
    for (uint32_t i = 0; i < run.count; ++i, out += 2) {
        if (run.nonzero[i] == 0) {
            const uint8_t sample = mean_sample(run.dc[i], quant[0]);
            std::memset(out, sample, 2);
            std::memset(out + stride, sample, 2);
            continue;
        }
        alignas(32) int16_t in[64];
        alignas(32) int16_t work[2][8];
        dequantise(run, i, quant, in);
        for (int x = 0; x < 8; ++x) {
            const uint32_t even = static_cast<uint32_t>(in[x]) << kShift;
            const uint32_t odd = reduce_odd_to_2(in[8 + x], in[24 + x], in[40 + x], in[56 + x]);
            work[0][x] = saturate_i16(descale(even + odd, kBits1));
            work[1][x] = saturate_i16(descale(even - odd, kBits1));
        }
        for (int y = 0; y < 2; ++y) {
            const int16_t* w = work[y];
            const uint32_t even = static_cast<uint32_t>(w[0]) << kShift;
            const uint32_t odd = reduce_odd_to_2(w[1], w[3], w[5], w[7]);
            out[y * stride] = to_sample(descale(even + odd, kBits2));
            out[y * stride + 1] = to_sample(descale(even - odd, kBits2));
        }
    }
}

void idct_size1(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t) {
    for (uint32_t i = 0; i < run.count; ++i) {
        out[i] = mean_sample(run.dc[i], quant[0]);
    }
}

#if defined(PCR_AVX2)
#include "pixels/idct_vectors.inl"
#else
#include "pixels/idct_portable.inl"
#endif

const IdctKernels kKernels = {idct_size8, idct_size4, idct_size2, idct_size1};
