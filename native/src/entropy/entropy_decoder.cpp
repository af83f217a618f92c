#include "entropy/entropy_decoder.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "entropy/scan_data.hpp"
#include "pcr/error.hpp"
#include "pcr/limits.hpp"

namespace pcr {
namespace {

constexpr size_t kKeepBytes = size_t{64} << 20;

/// Whether no symbol of a refinement scan's table stands for a new coefficient larger than one
/// step.
bool has_only_steps(const HuffmanSpec& spec) {
    const auto count = std::accumulate(spec.counts.begin(), spec.counts.end(), ptrdiff_t{0});
    return std::all_of(spec.symbols.begin(), spec.symbols.begin() + count,
                       [](uint8_t symbol) { return (symbol & 15) <= 1; });
}

}  // namespace

bool EntropyDecoder::decode(ByteSpan jpeg, int64_t max_pixels,
                            const std::function<BlockRows(const Frame&)>& needed) {
    misaligned_ = false;
    if (decode_scans(jpeg, max_pixels, needed)) return true;
    if (!misaligned_) return false;
    return decode_scans(jpeg, max_pixels, [&](const Frame& frame) {
        BlockRows rows = needed(frame);
        for (RowRange& range : rows) range.begin = 0;
        return rows;
    });
}

bool EntropyDecoder::decode_scans(ByteSpan jpeg, int64_t max_pixels,
                                  const std::function<BlockRows(const Frame&)>& needed) {
    MarkerParser parser(jpeg);
    int scans = 0;
    clean_ = true;
    for (;;) {
        switch (parser.next()) {
            case MarkerParser::Stop::kIrregular:
                return false;
            case MarkerParser::Stop::kEnd:
                frame_ = parser.frame();
                truncated_ = !parser.found_eoi();
                clean_ &= parser.is_clean();
                return scans > 0;
            case MarkerParser::Stop::kFrame:
                if (!begin_frame(parser, max_pixels, needed)) return false;
                break;
            case MarkerParser::Stop::kScan: {
                if (++scans > kMaxScans) {
                    throw FormatError("more than " + std::to_string(kMaxScans) + " scans");
                }
                size_t position = parser.position();
                if (!decode_scan(parser, position)) return false;
                parser.seek(position);
                break;
            }
        }
    }
}

bool EntropyDecoder::begin_frame(const MarkerParser& parser, int64_t max_pixels,
                                 const std::function<BlockRows(const Frame&)>& needed) {
    frame_ = parser.frame();
    check_pixels(frame_.width, frame_.height, max_pixels);
    if (!frame_.huffman) return false;
    for (int c = 0; c < frame_.num_components; ++c) {
        needed_[c] = {0, frame_.components[c].height_in_blocks};
    }
    if (needed) needed_ = needed(frame_);
    coefficients_.reset(frame_);
    progression_.reset();
    decoded_.fill(false);
    first_block_.fill(0);
    return true;
}

/// Steps over the restart intervals that end before the needed rows: `position` is then the first
/// byte of the next one. Returns its first unit, which is 0 where a marker is not the expected one.
uint64_t EntropyDecoder::skip_intervals(const MarkerParser& parser, size_t& position,
                                        const Units& units) {
    const ByteSpan jpeg = parser.bytes();
    const uint64_t interval = parser.tables().restart_interval;
    if (interval == 0) return 0;
    const uint64_t skipped = units.needed.begin * units.per_row / interval;
    size_t at = position;
    for (uint64_t i = 0; i < skipped; ++i) {
        at = find_marker(jpeg, at);
        if (at >= jpeg.size || jpeg.data[at + 1] != kRST0 + (i & 7)) return 0;
        at += 2;
    }
    position = at;
    return skipped * interval;
}

/// Runs `decode(reader, first, count)` over the restart intervals of a scan from unit `first` on,
/// as far as its units are needed, and leaves `position` at the marker after the scan. Does what
/// libjpeg does where data or restart markers are missing; false where the order of restart markers
/// is wrong.
template <typename Decode>
bool EntropyDecoder::decode_intervals(const MarkerParser& parser, size_t& position,
                                      const Units& units, uint64_t first, BitOrder order,
                                      Decode decode) {
    ScanData data(parser.bytes(), position, order, segment_);
    const uint64_t total = units.per_row * std::min<uint64_t>(units.rows, units.needed.end);
    const bool is_whole = first == 0 && units.needed.end >= units.rows;
    const uint64_t interval =
        parser.tables().restart_interval > 0 ? parser.tables().restart_interval : total;
    bool exhausted = false;
    auto expected_restart = static_cast<int>(first / std::max<uint64_t>(interval, 1) & 7);
    for (uint64_t unit = first; unit < total; unit += interval) {
        BitReader reader;
        bool has_data = true;
        if (unit > first) {
            const int restart = data.take_restart();
            if (restart >= 0 && restart != expected_restart) return false;
            expected_restart = (expected_restart + 1) & 7;
            has_data = restart >= 0;
            clean_ &= has_data;
            if (!has_data && exhausted) break;
        }
        if (!has_data) {
            reader = data.empty_segment();
        } else if (!data.read_segment(reader)) {
            return false;
        }
        const SegmentEnd end = decode(reader, unit, std::min(interval, total - unit));
        if (end == SegmentEnd::kIrregular) return false;
        exhausted = end == SegmentEnd::kExhausted;
        clean_ &= !exhausted && reader.unread_bits() < 8;
    }
    position = data.position();
    data.skip_to_end();
    clean_ &= is_whole && position == data.position();
    position = data.position();
    return true;
}

bool EntropyDecoder::decode_scan(const MarkerParser& parser, size_t& position) {
    const ScanHeader& scan = parser.scan();
    if (!frame_.progressive) {
        for (int i = 0; i < scan.count; ++i) {
            if (std::exchange(decoded_[scan.components[i]], true)) return false;
        }
        clean_ &= scan.first == 0 && scan.last == 63 && scan.high == 0 && scan.low == 0;
        return decode_mcu_scan(parser, position);
    }
    if (!progression_.add(scan)) return false;
    return scan.first == 0 ? decode_mcu_scan(parser, position) : decode_band_scan(parser, position);
}

bool EntropyDecoder::decode_band_scan(const MarkerParser& parser, size_t& position) {
    const ScanHeader& scan = parser.scan();
    const bool refine = scan.high != 0;
    const HuffmanSpec& spec = parser.tables().ac[scan.ac_table[0]];
    if (!spec.defined) return false;
    CoefficientTable& table = ac_tables_[0];
    if (!(refine ? refinement_.build(spec) : table.build(spec, CodeKind::kAcFirst))) return false;
    clean_ &= !refine || has_only_steps(spec);
    const Component& component = frame_.components[scan.components[0]];
    BandScan band;
    band.plane = coefficients_.plane(scan.components[0]);
    band.width_in_blocks = component.width_in_blocks;
    band.first = scan.first;
    band.last = scan.last;
    band.shift = scan.low;
    band.table = &table;
    band.refinement = &refinement_;
    const auto kernel = refine ? scan_kernels().ac_refine : scan_kernels().ac_first;
    const Units units{component.width_in_blocks, component.height_in_blocks,
                      needed_[scan.components[0]]};
    const uint64_t first_unit = skip_intervals(parser, position, units);
    // What refinement reads of a block depends on all that came before.
    uint64_t& first_block = first_block_[scan.components[0]];
    misaligned_ = refine && first_unit < first_block;
    if (misaligned_) return false;
    first_block = std::max(first_block, first_unit);
    const BitOrder order = refine ? BitOrder::kLowestFirst : BitOrder::kHighestFirst;
    return decode_intervals(parser, position, units, first_unit, order,
                            [&](BitReader& reader, uint64_t first, uint64_t n) {
                                return kernel(reader, band, first, n);
                            });
}

bool EntropyDecoder::decode_mcu_scan(const MarkerParser& parser, size_t& position) {
    const ScanHeader& scan = parser.scan();
    McuScan mcu;
    if (!lay_out_mcu(scan, parser.tables(), mcu)) return false;
    const bool interleaved = scan.count > 1;
    Units units{mcu.mcus_per_row, frame_.mcu_rows(), needed_[scan.components[0]]};
    if (interleaved) {
        units.needed = {frame_.mcu_rows(), 0};
        for (int i = 0; i < scan.count; ++i) {
            const uint32_t step = frame_.components[scan.components[i]].v;
            const RowRange& rows = needed_[scan.components[i]];
            units.needed.begin = std::min(units.needed.begin, rows.begin / step);
            units.needed.end = std::max(units.needed.end, (rows.end + step - 1) / step);
        }
    } else {
        units.rows = frame_.components[scan.components[0]].height_in_blocks;
    }
    const ScanKernels& kernels = scan_kernels();
    const auto kernel = !frame_.progressive ? kernels.sequential
                        : scan.high == 0    ? kernels.dc_first
                                            : kernels.dc_refine;
    const uint64_t first_unit = skip_intervals(parser, position, units);
    return decode_intervals(parser, position, units, first_unit, BitOrder::kHighestFirst,
                            [&](BitReader& reader, uint64_t first, uint64_t n) {
                                return kernel(reader, mcu, first, n);
                            });
}

/// Fills in where the blocks of an MCU lie and builds their tables; false where a table is missing.
bool EntropyDecoder::lay_out_mcu(const ScanHeader& scan, const TableState& tables, McuScan& mcu) {
    const bool interleaved = scan.count > 1;
    mcu.shift = scan.low;
    for (int i = 0; i < scan.count; ++i) {
        const Component& component = frame_.components[scan.components[i]];
        BlockSlot slot;
        slot.plane = coefficients_.plane(scan.components[i]);
        slot.predictor = i;
        slot.step_x = interleaved ? component.h : 1;
        slot.step_y = interleaved ? component.v : 1;
        if (!frame_.progressive || scan.high == 0) {
            const HuffmanSpec& dc = tables.dc[scan.dc_table[i]];
            if (!dc.defined || !dc_tables_[i].build(dc, CodeKind::kDc)) return false;
            slot.dc_table = &dc_tables_[i];
        }
        if (!frame_.progressive) {
            const HuffmanSpec& ac = tables.ac[scan.ac_table[i]];
            if (!ac.defined || !ac_tables_[i].build(ac, CodeKind::kAcSequential)) return false;
            slot.ac_table = &ac_tables_[i];
        }
        for (slot.offset_y = 0; slot.offset_y < slot.step_y; ++slot.offset_y) {
            for (slot.offset_x = 0; slot.offset_x < slot.step_x; ++slot.offset_x) {
                mcu.slots[mcu.num_slots++] = slot;
            }
        }
        if (!interleaved) mcu.mcus_per_row = component.width_in_blocks;
    }
    if (interleaved) mcu.mcus_per_row = frame_.mcus_per_row();
    return true;
}

void EntropyDecoder::trim() {
    coefficients_.trim(kKeepBytes);
    if (segment_.capacity_bytes() > kKeepBytes) segment_.release();
}

}  // namespace pcr
