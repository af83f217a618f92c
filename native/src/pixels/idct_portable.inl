// The 8x8 inverse DCT without vector instructions; included by idct_kernels.inl.

/// One pass over 8 values that lie `step` apart.
template <int kBits>
inline void idct_1d(const int16_t* in, int step, int results[8]) {
    const auto wrap = [](int value) { return static_cast<int16_t>(value); };
    const int c1 = in[step], c2 = in[2 * step], c3 = in[3 * step], c5 = in[5 * step];
    const int c6 = in[6 * step], c7 = in[7 * step];
    const int z1 = (c2 + c6) * kFix0_541196100;
    const int even2 = z1 - c6 * kFix1_847759065;
    const int even3 = z1 + c2 * kFix0_765366865;
    const int even0 = wrap(in[0] + in[4 * step]) * (1 << kConstBits);
    const int even1 = wrap(in[0] - in[4 * step]) * (1 << kConstBits);
    const int z3 = wrap(c7 + c3), z4 = wrap(c5 + c1);
    const int z3_scaled = z3 * (kFix1_175875602 - kFix1_961570560) + z4 * kFix1_175875602;
    const int z4_scaled = z3 * kFix1_175875602 + z4 * (kFix1_175875602 - kFix0_390180644);
    const int odd0 = c7 * (kFix0_298631336 - kFix0_899976223) - c1 * kFix0_899976223 + z3_scaled;
    const int odd1 = c5 * (kFix2_053119869 - kFix2_562915447) - c3 * kFix2_562915447 + z4_scaled;
    const int odd2 = c3 * (kFix3_072711026 - kFix2_562915447) - c5 * kFix2_562915447 + z3_scaled;
    const int odd3 = c1 * (kFix1_501321110 - kFix0_899976223) - c7 * kFix0_899976223 + z4_scaled;
    const int sums[4] = {even0 + even3, even1 + even2, even1 - even2, even0 - even3};
    const int odds[4] = {odd3, odd2, odd1, odd0};
    for (int i = 0; i < 4; ++i) {
        results[i] = descale(static_cast<uint32_t>(sums[i] + odds[i]), kBits);
        results[7 - i] = descale(static_cast<uint32_t>(sums[i] - odds[i]), kBits);
    }
}

void idct_size8(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t stride) {
    for (uint32_t i = 0; i < run.count; ++i, out += 8) {
        if (run.nonzero[i] == 0) {
            const uint8_t sample = flat_sample(run.dc[i], quant[0]);
            for (int y = 0; y < 8; ++y) std::memset(out + y * stride, sample, 8);
            continue;
        }
        int16_t block[64];
        int results[8];
        dequantise(run, i, quant, block);
        for (int x = 0; x < 8; ++x) {
            idct_1d<kConstBits - kPass1Bits>(block + x, 8, results);
            for (int y = 0; y < 8; ++y) block[y * 8 + x] = saturate_i16(results[y]);
        }
        for (int y = 0; y < 8; ++y) {
            idct_1d<kConstBits + kPass1Bits + 3>(block + y * 8, 1, results);
            for (int x = 0; x < 8; ++x) out[y * stride + x] = to_sample(results[x]);
        }
    }
}
