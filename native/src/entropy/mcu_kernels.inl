// Sequential and DC scans; included by scan_kernels.inl.

constexpr SpectralBand kWholeBlock{1, 63, 0};  // without its DC
constexpr int64_t kDcLimit = std::numeric_limits<int32_t>::max();

/// Decodes one DC difference; false where the code does not exist.
inline bool read_dc(BitReader& reader, const HuffmanTable& table, int64_t& prediction) {
    const Code code = next_code(reader, table);
    if (code.total_bits() == 0) return false;
    prediction += appended_value(reader.window(), code.code_bits(), code.size());
    reader.skip(code.total_bits());
    return prediction <= kDcLimit && prediction >= -kDcLimit;
}

/// Calls `decode_block(slot, block index)` for every block of the MCUs; stops when it returns
/// false.
template <typename DecodeBlock>
inline SegmentEnd for_each_block(BitReader& reader, const McuScan& scan, uint64_t first,
                                 uint64_t count, DecodeBlock decode_block) {
    uint64_t row = first / scan.mcus_per_row;
    uint64_t column = first % scan.mcus_per_row;
    while (count > 0) {
        const uint64_t row_end = std::min<uint64_t>(scan.mcus_per_row, column + count);
        count -= row_end - column;
        std::array<size_t, kMaxBlocksInMcu> blocks{};
        for (int i = 0; i < scan.num_slots; ++i) blocks[i] = scan.slots[i].block(row, column);
        for (; column < row_end; ++column) {
            for (int i = 0; i < scan.num_slots; ++i) {
                const BlockSlot& slot = scan.slots[i];
                if (!decode_block(slot, blocks[i])) return SegmentEnd::kIrregular;
                blocks[i] += slot.step_x;
            }
            if (reader.exhausted()) return SegmentEnd::kExhausted;
        }
        column = 0;
        ++row;
    }
    return SegmentEnd::kComplete;
}

SegmentEnd decode_sequential(BitReader& input, const McuScan& scan, uint64_t first,
                             uint64_t count) {
    BitReader reader = input;
    std::array<int64_t, kMaxComponents> predictions{};
    const SegmentEnd end =
        for_each_block(reader, scan, first, count, [&](const BlockSlot& slot, size_t block) {
            int64_t& prediction = predictions[slot.predictor];
            if (!read_dc(reader, *slot.dc_table, prediction)) return false;
            slot.plane.dc[block] = static_cast<int16_t>(prediction);
            int16_t* coefficients = slot.plane.ac + block * 64;
            clear_block(coefficients);
            uint64_t& nonzero = slot.plane.nonzero[block];
            return read_band(reader, *slot.ac_table, kWholeBlock, coefficients, nonzero) != 0;
        });
    input = reader;
    return end;
}

SegmentEnd decode_dc_first(BitReader& input, const McuScan& scan, uint64_t first, uint64_t count) {
    BitReader reader = input;
    std::array<int64_t, kMaxComponents> predictions{};
    const int shift = scan.shift;
    const SegmentEnd end =
        for_each_block(reader, scan, first, count, [&](const BlockSlot& slot, size_t block) {
            int64_t& prediction = predictions[slot.predictor];
            if (!read_dc(reader, *slot.dc_table, prediction)) return false;
            slot.plane.dc[block] = static_cast<int16_t>(static_cast<uint64_t>(prediction) << shift);
            return true;
        });
    input = reader;
    return end;
}

SegmentEnd decode_dc_refine(BitReader& input, const McuScan& scan, uint64_t first, uint64_t count) {
    BitReader reader = input;
    const int shift = scan.shift;
    const SegmentEnd end =
        for_each_block(reader, scan, first, count, [&](const BlockSlot& slot, size_t block) {
            reader.refill();
            slot.plane.dc[block] =
                static_cast<int16_t>(slot.plane.dc[block] | (reader.peek(1) << shift));
            reader.skip(1);
            return true;
        });
    input = reader;
    return end;
}
