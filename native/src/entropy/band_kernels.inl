// First AC scans of a progressive JPEG; included by scan_kernels.inl.

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
            set |= static_cast<uint64_t>(scaled != 0) << k;
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
