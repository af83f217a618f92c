// Progressive AC scans; included by scan_kernels.inl.

SegmentEnd decode_ac_first(BitReader& input, const BandScan& scan, uint64_t first, uint64_t count) {
    BitReader reader = input;
    const HuffmanTable& table = *scan.table;
    const unsigned last = static_cast<unsigned>(scan.last);
    const int shift = scan.shift;
    uint64_t row = first / scan.width_in_blocks;
    uint64_t column = first % scan.width_in_blocks;
    while (count > 0) {
        const size_t block_index = row * scan.plane.stride + column;
        uint64_t run_of_bands = 1;  // bands that this one ends, itself included
        int16_t* block = scan.plane.ac + block_index * 64;
        const uint64_t before = scan.plane.nonzero[block_index];
        if (before == 0) clear_block(block);
        uint64_t set = 0;
        unsigned k = static_cast<unsigned>(scan.first);
        do {
            const Code code = next_code(reader, table);
            if (code.is_end_of_band()) {
                const unsigned size = code.size();
                run_of_bands = (uint64_t{1} << size) +
                               (((reader.window() << code.code_bits()) >> 1) >> (63 - size));
                reader.skip(code.total_bits());
                break;
            }
            k += code.run();
            if (k > last || code.total_bits() == 0) return SegmentEnd::kIrregular;
            const int value = appended_value(reader.window(), code.code_bits(), code.size());
            const auto scaled = static_cast<int16_t>(static_cast<unsigned>(value) << shift);
            block[k] = scaled;
            set |= static_cast<uint64_t>(scaled != 0) << (63 - k);
            reader.skip(code.total_bits());
            ++k;
        } while (k <= last);
        scan.plane.nonzero[block_index] = before | set;
        if (reader.exhausted()) return SegmentEnd::kExhausted;
        if (run_of_bands >= count) break;
        count -= run_of_bands;
        column += run_of_bands;
        while (column >= scan.width_in_blocks) {
            column -= scan.width_in_blocks;
            ++row;
        }
    }
    input = reader;
    return SegmentEnd::kComplete;
}

/// What a refinement scan changes in one block, as sets of zigzag positions.
struct Refinement {
    uint64_t corrected = 0;  // nonzero coefficients that grow by one step
    uint64_t fresh = 0;      // coefficients that become nonzero
    uint64_t negative = 0;   // those of them below zero
};

/// Correction bits in the order of the coefficients that they belong to, the latest lowest.
inline void read_corrections(BitReader& reader, uint64_t positions, uint64_t& corrections) {
    const auto n = static_cast<unsigned>(__builtin_popcountll(positions));
    if (__builtin_expect(n > reader.count(), 0)) {
        corrections = n < 64 ? corrections << n | reader.take_long(n) : reader.take_long(n);
    } else {
        corrections = corrections << n | reader.peek(n);
        reader.skip(n);
    }
}

#if defined(PCR_AVX2)
/// All ones in the lanes whose bit is set; lane 0 is bit 15.
inline __m256i expand_lanes(uint64_t bits) {
    const __m256i lane_bit =
        _mm256_setr_epi16(static_cast<int16_t>(0x8000), 0x4000, 0x2000, 0x1000, 0x800, 0x400, 0x200,
                          0x100, 0x80, 0x40, 0x20, 0x10, 8, 4, 2, 1);
    const __m256i spread = _mm256_set1_epi16(static_cast<int16_t>(bits));
    return _mm256_cmpeq_epi16(_mm256_and_si256(spread, lane_bit), lane_bit);
}
#endif

#if defined(PCR_AVX2)
/// Applies a refinement to 16 coefficients; `lane` is the place of their bits in the sets.
inline void refine_lanes(const Refinement& change, uint64_t touched, __m256i steps, int lane,
                         int16_t* block) {
    auto* lanes = reinterpret_cast<__m256i*>(block + (48 - lane));
    const __m256i old = _mm256_load_si256(lanes);
    const __m256i sign =
        _mm256_or_si256(_mm256_srai_epi16(old, 15), expand_lanes(change.negative >> lane));
    const __m256i delta = _mm256_sub_epi16(_mm256_xor_si256(steps, sign), sign);
    const __m256i masked = _mm256_and_si256(delta, expand_lanes(touched >> lane));
    _mm256_store_si256(lanes, _mm256_add_epi16(old, masked));
}
#endif

inline void apply_refinement(const Refinement& change, int step, int16_t* block) {
    uint64_t touched = change.corrected | change.fresh;
#if defined(PCR_AVX2)
    const __m256i steps = _mm256_set1_epi16(static_cast<int16_t>(step));
    refine_lanes(change, touched, steps, 48, block);
    refine_lanes(change, touched, steps, 32, block);
    if (static_cast<uint32_t>(touched) != 0) {
        refine_lanes(change, touched, steps, 16, block);
        refine_lanes(change, touched, steps, 0, block);
    }
#else
    for (; touched != 0; touched &= touched - 1) {
        const int k = 63 - __builtin_ctzll(touched);
        const bool negative = block[k] < 0 || (change.negative & zigzag_bit(k)) != 0;
        block[k] = static_cast<int16_t>(block[k] + (negative ? -step : step));
    }
#endif
}

/// Reads codes until the band of one block is complete. `zeros` and `nonzeros` are the coefficients
/// still to come; an EOB leaves the rest of them as they are. Returns the bands that the EOB ends,
/// this one included (0: there was no EOB), or -1 where the data is irregular.
inline int64_t read_refinement(BitReader& reader, const HuffmanTable& table, uint64_t zeros,
                               uint64_t& nonzeros, uint64_t& corrections, Refinement& change) {
    do {
        const Code code = next_code(reader, table);
        if (code.total_bits() == 0) return -1;
        const uint64_t appended = reader.window() << code.code_bits();
        reader.skip(code.total_bits());
        if (code.is_end_of_band()) {
            return (int64_t{1} << code.size()) +
                   static_cast<int64_t>((appended >> 1) >> (63 - code.size()));
        }
        const int above = __builtin_popcountll(zeros) - 1 - static_cast<int>(code.run());
        if (above < 0) return -1;
        const uint64_t target = deposit(uint64_t{1} << above, zeros);
        const uint64_t later = target - 1;
        if (nonzeros != 0) read_corrections(reader, nonzeros & ~later, corrections);
        nonzeros &= later;
        zeros &= later;
        const uint64_t coded = code.size() != 0 ? target : 0;
        change.fresh |= coded;
        if (static_cast<int64_t>(appended) >= 0) change.negative |= coded;
    } while ((zeros | nonzeros) != 0);
    return 0;
}

SegmentEnd decode_ac_refine(BitReader& input, const BandScan& scan, uint64_t first,
                            uint64_t count) {
    BitReader reader = input;
    const uint64_t band = zigzag_band(scan.first, scan.last);
    const int step = 1 << scan.shift;
    int64_t run_of_bands = 0;
    uint64_t row = first / scan.width_in_blocks;
    uint64_t column = first % scan.width_in_blocks;
    for (; count > 0; --count, ++column) {
        if (column == scan.width_in_blocks) {
            column = 0;
            ++row;
        }
        const size_t block_index = row * scan.plane.stride + column;
        const uint64_t before = scan.plane.nonzero[block_index];
        const uint64_t nonzero = before & band;
        uint64_t left = nonzero;  // to be corrected
        uint64_t corrections = 0;
        Refinement change;
        if (run_of_bands == 0) {
            run_of_bands =
                read_refinement(reader, *scan.table, band & ~before, left, corrections, change);
            if (run_of_bands < 0) return SegmentEnd::kIrregular;
        }
        if (run_of_bands > 0) {
            reader.refill();
            read_corrections(reader, left, corrections);
            --run_of_bands;
        }
        if ((corrections | change.fresh) != 0) {
            change.corrected = deposit(corrections, nonzero);
            int16_t* block = scan.plane.ac + block_index * 64;
            if (before == 0) clear_block(block);
            apply_refinement(change, step, block);
            scan.plane.nonzero[block_index] = before | change.fresh;
        }
        if (reader.exhausted()) return SegmentEnd::kExhausted;
    }
    input = reader;
    return SegmentEnd::kComplete;
}
