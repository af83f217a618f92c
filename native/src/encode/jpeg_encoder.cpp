#include "encode/jpeg_encoder.hpp"

#include "encode/scan_grid.hpp"
#include "encode/scan_tokenizer.hpp"
#include "jpeg/progression.hpp"

namespace pcr {
namespace {

constexpr size_t kKeepBytes = size_t{16} << 20;
constexpr int kMaxLow = 10;  // libjpeg's limit on Al for 8-bit samples

/// Whether the scan's components are the frame's, in its order, and fit into an MCU.
bool has_valid_components(const ScanSpec& scan, const Frame& frame) {
    if (scan.count < 1 || scan.count > frame.num_components) return false;
    int blocks = 0;
    for (int i = 0; i < scan.count; ++i) {
        const int index = scan.components[i];
        if (index < 0 || index >= frame.num_components) return false;
        if (i > 0 && index <= scan.components[i - 1]) return false;
        blocks += frame.components[index].h * frame.components[index].v;
    }
    return scan.count == 1 || blocks <= kMaxBlocksInMcu;
}

/// Whether the scans follow from each other, and every component has its DC.
bool is_progression(const ScanScript& script, const Frame& frame) {
    Progression progression(kMaxLow);
    for (const ScanSpec& scan : script) {
        if (!has_valid_components(scan, frame) || !progression.add(scan)) return false;
    }
    for (int c = 0; c < frame.num_components; ++c) {
        if (!progression.has_dc(c)) return false;
    }
    return true;
}

}  // namespace

bool JpegEncoder::encode(const Frame& frame, const CoefficientStore& coefficients,
                         const ScanScript& script, const EncodeOptions& options) {
    const bool progressive = !script.empty();
    const ScanScript scans = progressive ? script : ScanScript{sequential_scan(frame)};
    const bool valid =
        progressive ? is_progression(scans, frame) : has_valid_components(scans[0], frame);
    if (!valid) return false;
    tokens_.limit(options.max_memory_bytes);
    write_headers(frame, options.markers, progressive);
    const uint32_t restart_rows = fitting_restart_rows(options.restart_rows, frame);
    borders_.assign(1, 0);
    for (const ScanSpec& scan : scans) {
        const ScanGrid grid = scan_grid(frame, scan, restart_rows);
        if (!tokenize_scan(frame, coefficients, scan, grid, tokens_) ||
            !write_scan(frame, scan, grid.restart_interval())) {
            return false;
        }
        borders_.push_back(static_cast<int64_t>(writer_.bytes().size));
    }
    writer_.marker(kEOI);
    return true;
}

void JpegEncoder::write_headers(const Frame& frame, const std::vector<Segment>& markers,
                                bool progressive) {
    writer_.clear();
    restart_interval_ = 0;
    writer_.marker(kSOI);
    if (writes_jfif(frame)) writer_.jfif(frame);
    if (writes_adobe(frame)) writer_.adobe(frame);
    for (const Segment& segment : markers) writer_.segment(segment.marker, segment.payload);
    writer_.quantisation(frame);
    writer_.frame(frame, progressive);
}

bool JpegEncoder::write_scan(const Frame& frame, const ScanSpec& scan, uint32_t restart_interval) {
    if (!write_tables()) return false;
    if (restart_interval != restart_interval_) writer_.restart_interval(restart_interval);
    restart_interval_ = restart_interval;
    writer_.scan(frame, scan);
    writer_.entropy(tokens_, codes_);
    return true;
}

bool JpegEncoder::write_tables() {
    for (const TableIndex table : {kDc0, kAc0, kDc1, kAc1}) {
        if (tokens_.counts(table) == SymbolCounts{}) continue;
        if (!make_optimal_code(tokens_.counts(table), code_)) return false;
        assign_codes(code_, table, codes_);
        writer_.huffman(table, code_);
    }
    return true;
}

void JpegEncoder::trim() {
    if (tokens_.capacity_bytes() > kKeepBytes) tokens_.release();
    if (writer_.capacity_bytes() > kKeepBytes) writer_.release();
}

}  // namespace pcr
