// Bands of coefficients that were not coded before: first AC scans, and the blocks of sequential
// scans (mcu_kernels.inl); included by scan_kernels.inl.

static_assert(kLookupBits + kMaxCodeBits <= 56);  // what a refill makes ready

/// Coefficients of a scan, in zigzag order, and by how many bits they are short of their values.
struct SpectralBand {
    unsigned first;
    unsigned last;
    int shift;
};

/// Reads a block's coefficients of a band, all zero before; `set` gets those that are not zero now.
/// The bits of a lookup must be ready, and are so afterwards. Returns the bands that an EOB ends,
/// this one included (1 where there was none), or 0 where the data is irregular.
inline uint64_t read_band(BitReader& reader, const CoefficientTable& table, SpectralBand band,
                          int16_t* block, uint64_t& set) {
    unsigned k = band.first - 1;
    uint64_t nonzero = 0;
    uint64_t bands = 1;
    do {
        const CoefficientEntry entry = table.lookup(reader.window());
        reader.refill();
        unsigned bits = entry.bits();
        unsigned step = entry.step();
        int value = entry.value();
        if (__builtin_expect(bits == 0, 0)) {
            const Code code = table.find(reader.window());
            bits = code.total_bits();
            if (bits == 0) return 0;
            if (code.is_end_of_band()) {
                bands = (uint64_t{1} << code.size()) +
                        (((reader.window() << code.code_bits()) >> 1) >> (63 - code.size()));
                reader.skip(bits);
                break;
            }
            step = code.run() + 1;
            value = appended_value(reader.window(), code.code_bits(), code.size());
        }
        reader.skip(bits);
        k += step;
        if (k > band.last) {
            if (step != CoefficientEntry::kEndStep) return 0;
            break;
        }
        const auto scaled = static_cast<int16_t>(static_cast<unsigned>(value) << band.shift);
        block[k] = scaled;
        nonzero |= static_cast<uint64_t>(scaled != 0) << k;
    } while (k < band.last);
    set = nonzero;
    return bands;
}

SegmentEnd decode_ac_first(BitReader& input, const BandScan& scan, uint64_t first, uint64_t count) {
    BitReader reader = input;
    const SpectralBand band{static_cast<unsigned>(scan.first), static_cast<unsigned>(scan.last),
                            scan.shift};
    uint64_t row = first / scan.width_in_blocks;
    uint64_t column = first % scan.width_in_blocks;
    reader.refill();
    while (count > 0) {
        const size_t block_index = row * scan.plane.stride + column;
        int16_t* block = scan.plane.ac + block_index * 64;
        const uint64_t before = scan.plane.nonzero[block_index];
        if (before == 0) clear_block(block);
        uint64_t set;
        const uint64_t bands = read_band(reader, *scan.table, band, block, set);
        if (bands == 0) return SegmentEnd::kIrregular;
        scan.plane.nonzero[block_index] = before | set;
        if (reader.exhausted()) return SegmentEnd::kExhausted;
        if (bands >= count) break;
        count -= bands;
        column += bands;
        while (column >= scan.width_in_blocks) {
            column -= scan.width_in_blocks;
            ++row;
        }
    }
    input = reader;
    return SegmentEnd::kComplete;
}
