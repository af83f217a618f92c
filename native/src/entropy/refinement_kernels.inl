// AC refinement scans; included by scan_kernels.inl. See ITU-T T.81, G.1.2.3.
//
// Bits are read lowest first, as sets of coefficients have them: correction bits are then deposited
// where they belong in one step.

/// What a refinement scan changes in one block, as sets of coefficients.
struct Refinement {
    uint64_t corrected = 0;  // nonzero coefficients that grow by one step
    uint64_t fresh = 0;      // coefficients that become nonzero
    uint64_t positive = 0;   // those of them above zero
};

/// Bits that are ready before a code is looked up.
constexpr unsigned kReadyBits = kLookupBits;

/// The coefficients before the n-th of the set.
inline uint64_t first_of(uint64_t set, unsigned n) { return deposit((uint64_t{1} << n) - 1, set); }

/// Those of the nonzero coefficients whose correction bit is set. Leaves at least kReadyBits.
inline uint64_t read_corrections(ReversedBitReader& reader, uint64_t nonzeros) {
    const auto n = static_cast<unsigned>(__builtin_popcountll(nonzeros));
    uint64_t corrected = deposit(reader.window(), nonzeros);
    if (__builtin_expect(n + kReadyBits <= reader.count(), 1)) {
        reader.skip(n);
        return corrected;
    }
    const unsigned ready = std::min(n, 24u);
    const uint64_t early = first_of(nonzeros, ready);
    reader.skip(ready);
    reader.refill();
    corrected = (corrected & early) | deposit(reader.window(), nonzeros ^ early);
    reader.skip(n - ready);
    reader.refill();
    return corrected;
}

#if defined(PCR_AVX2)
/// All ones in the lanes whose bit is set.
inline __m256i expand_lanes(uint64_t bits) {
    const __m256i lane_bit =
        _mm256_setr_epi16(1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000,
                          0x2000, 0x4000, static_cast<int16_t>(0x8000));
    const __m256i spread = _mm256_set1_epi16(static_cast<int16_t>(bits));
    return _mm256_cmpeq_epi16(_mm256_and_si256(spread, lane_bit), lane_bit);
}

/// Adds a step to 16 of the coefficients, away from zero.
inline void refine_lanes(uint64_t touched, uint64_t negative, __m256i steps, int first,
                         int16_t* block) {
    auto* lanes = reinterpret_cast<__m256i*>(block + first);
    const __m256i old = _mm256_load_si256(lanes);
    const __m256i sign =
        _mm256_or_si256(_mm256_srai_epi16(old, 15), expand_lanes(negative >> first));
    const __m256i delta = _mm256_sub_epi16(_mm256_xor_si256(steps, sign), sign);
    const __m256i masked = _mm256_and_si256(delta, expand_lanes(touched >> first));
    _mm256_store_si256(lanes, _mm256_add_epi16(old, masked));
}
#endif

inline void apply_refinement(const Refinement& change, int step, int16_t* block) {
    uint64_t touched = change.corrected | change.fresh;
    const uint64_t negative = change.fresh & ~change.positive;
#if defined(PCR_AVX2)
    const __m256i steps = _mm256_set1_epi16(static_cast<int16_t>(step));
    refine_lanes(touched, negative, steps, 0, block);
    refine_lanes(touched, negative, steps, 16, block);
    if ((touched >> 32) != 0) {
        refine_lanes(touched, negative, steps, 32, block);
        refine_lanes(touched, negative, steps, 48, block);
    }
#else
    for (; touched != 0; touched &= touched - 1) {
        const int k = __builtin_ctzll(touched);
        const bool is_negative = block[k] < 0 || (negative >> k & 1) != 0;
        block[k] = static_cast<int16_t>(block[k] + (is_negative ? -step : step));
    }
#endif
}

/// Reads codes until the band of one block is complete; `zeros` and `nonzeros` are its
/// coefficients. Returns the bands that an EOB ends, this one included (0: there was no EOB), or -1
/// where the data is irregular.
inline int64_t read_refinement(ReversedBitReader& reader, const RefinementTable& table,
                               uint64_t zeros, uint64_t nonzeros, Refinement& change) {
    uint64_t corrected = 0;
    uint64_t fresh = 0;
    uint64_t positive = 0;
    uint64_t run_bit;
    uint64_t coefficient;  // the zero that the code's run leads to
    int64_t bands = 0;
    do {
        run_bit = table.run_bit(reader.window());
        RefinementLengths lengths = table.lengths(reader.window());
        reader.refill();
        uint64_t is_fresh = ~uint64_t{0};
        if (__builtin_expect(lengths.packed == 0, 0)) {
            const Code code = table.find(reader.window());
            if (code.total_bits() == 0) return -1;
            lengths = {static_cast<uint16_t>(code.code_bits() | code.total_bits() << 8)};
            run_bit = uint64_t{1} << code.run();
            if (code.size() == 0) is_fresh = 0;  // the last of 16 zeros
            if (code.is_end_of_band()) {
                const uint64_t appended = reverse_bits(reader.window()) << code.code_bits();
                bands = (int64_t{1} << code.size()) +
                        static_cast<int64_t>((appended >> 1) >> (63 - code.size()));
                run_bit = 0;
            }
        }
        coefficient = deposit(run_bit, zeros);
        const uint64_t passed = coefficient ^ (coefficient - 1);  // after EOB: all
        const uint64_t target = coefficient & is_fresh;
        fresh |= target;
        positive |= target & (0 - (reader.window() >> lengths.code_bits() & 1));
        reader.skip(lengths.total_bits());
        corrected |= read_corrections(reader, nonzeros & passed);
        nonzeros &= ~passed;
        zeros &= ~passed;
    } while ((zeros | nonzeros) != 0);
    if (coefficient == 0 && run_bit != 0) return -1;  // the run is longer than the band
    change = {corrected, fresh, positive};
    return bands;
}

/// Applies changes to blocks that lie side by side.
inline void apply_refinements(const Refinement* changes, unsigned count, int step, int16_t* block,
                              uint64_t* nonzero) {
    for (unsigned i = 0; i < count; ++i, block += 64) {
        if ((changes[i].corrected | changes[i].fresh) == 0) continue;
        if (nonzero[i] == 0) clear_block(block);
        apply_refinement(changes[i], step, block);
        nonzero[i] |= changes[i].fresh;
    }
}

SegmentEnd decode_ac_refine(BitReader& input, const BandScan& scan, uint64_t first,
                            uint64_t count) {
    constexpr unsigned kBatch = 64;  // blocks that are read before any is changed
    Refinement changes[kBatch];
    ReversedBitReader reader(input);
    const uint64_t band = zigzag_band(scan.first, scan.last);
    int64_t run_of_bands = 0;
    uint64_t row = first / scan.width_in_blocks;
    uint64_t column = first % scan.width_in_blocks;
    SegmentEnd end = SegmentEnd::kComplete;
    while (count > 0 && end == SegmentEnd::kComplete) {
        if (column == scan.width_in_blocks) {
            column = 0;
            ++row;
        }
        const uint64_t most = std::min<uint64_t>({count, scan.width_in_blocks - column, kBatch});
        const size_t block_index = row * scan.plane.stride + column;
        uint64_t* nonzero = scan.plane.nonzero + block_index;
        unsigned n = 0;
        while (n < most && end == SegmentEnd::kComplete) {
            const uint64_t nonzeros = nonzero[n] & band;
            Refinement& change = changes[n++];
            reader.refill();
            if (run_of_bands > 0) {
                change = {read_corrections(reader, nonzeros), 0, 0};
                --run_of_bands;
            } else {
                run_of_bands =
                    read_refinement(reader, *scan.refinement, band & ~nonzeros, nonzeros, change);
                if (run_of_bands < 0) return SegmentEnd::kIrregular;
                if (run_of_bands > 0) --run_of_bands;
            }
            if (reader.exhausted()) end = SegmentEnd::kExhausted;
        }
        apply_refinements(changes, n, 1 << scan.shift, scan.plane.ac + block_index * 64, nonzero);
        column += n;
        count -= n;
    }
    reader.store(input);
    return end;
}
