// First AC scans of a progressive JPEG; included by scan_kernels.inl.

/// Reads the coefficients of one block, all zero before; `set` gets those that are not zero now.
/// Returns the bands that an EOB ends, this one included (1 where there was none), or 0 where the
/// data is irregular.
inline uint64_t read_band(BitReader& reader, const BandScan& scan, int16_t* block, uint64_t& set) {
    const auto last = static_cast<unsigned>(scan.last);
    auto k = static_cast<unsigned>(scan.first) - 1;
    uint64_t nonzero = 0;
    uint64_t bands = 1;
    do {
        const FirstScanEntry entry = scan.table->lookup(reader.window());
        reader.refill();
        unsigned bits = entry.bits();
        unsigned step = entry.step();
        int value = entry.value();
        if (__builtin_expect(bits == 0, 0)) {
            const Code code = scan.table->find(reader.window());
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
        if (k > last) {
            if (step != FirstScanEntry::kEndStep) return 0;
            break;
        }
        const auto scaled = static_cast<int16_t>(static_cast<unsigned>(value) << scan.shift);
        block[k] = scaled;
        nonzero |= static_cast<uint64_t>(scaled != 0) << k;
    } while (k < last);
    set = nonzero;
    return bands;
}

SegmentEnd decode_ac_first(BitReader& input, const BandScan& scan, uint64_t first, uint64_t count) {
    BitReader reader = input;
    uint64_t row = first / scan.width_in_blocks;
    uint64_t column = first % scan.width_in_blocks;
    reader.refill();
    while (count > 0) {
        const size_t block_index = row * scan.plane.stride + column;
        int16_t* block = scan.plane.ac + block_index * 64;
        const uint64_t before = scan.plane.nonzero[block_index];
        if (before == 0) clear_block(block);
        uint64_t set;
        const uint64_t bands = read_band(reader, scan, block, set);
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
