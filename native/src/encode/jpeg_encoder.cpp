#include "encode/jpeg_encoder.hpp"

#include <algorithm>
#include <array>

#include "encode/scan_tokenizer.hpp"

namespace pcr::encode {

namespace {

using decode::CoefficientStore;
using decode::Frame;

constexpr std::size_t kKeepBytes = std::size_t{16} << 20;
constexpr int kMaxShift = 10;  // libjpeg's limit on Al for 8-bit samples

bool is_valid_scan(const ScanRow& scan, const Frame& frame) {
    const int count = scan[0], first = scan[5], last = scan[6], high = scan[7], low = scan[8];
    if (count < 1 || count > frame.num_components) return false;
    int blocks = 0;
    for (int i = 0; i < count; ++i) {
        const int component = scan[1 + i];
        if (component < 0 || component >= frame.num_components) return false;
        if (i > 0 && component <= scan[i]) return false;
        blocks += frame.components[component].h * frame.components[component].v;
    }
    if (count > 1 && blocks > decode::kMaxBlocksInMcu) return false;
    if (first < 0 || last < first || last > 63 || low < 0 || low > kMaxShift) return false;
    const bool sequential = first == 0 && last == 63 && high == 0 && low == 0;
    return sequential || (first == 0 ? last == 0 : count == 1);
}

/// Whether each scan goes on where those before it stopped, and every component has its DC.
bool is_progression(const ScanScript& script, const Frame& frame) {
    std::array<std::array<int, 64>, decode::kMaxComponents> precision;
    for (auto& bits : precision) bits.fill(-1);
    for (const ScanRow& scan : script) {
        if (!is_valid_scan(scan, frame)) return false;
        const int high = scan[7], low = scan[8];
        if (scan[5] == 0 && scan[6] != 0) return false;
        if (high != 0 && low != high - 1) return false;
        for (int i = 0; i < scan[0]; ++i) {
            auto& bits = precision[scan[1 + i]];
            if (scan[5] > 0 && bits[0] < 0) return false;
            for (int k = scan[5]; k <= scan[6]; ++k) {
                if (bits[k] != (high == 0 ? -1 : high)) return false;
                bits[k] = low;
            }
        }
    }
    return std::all_of(precision.begin(), precision.begin() + frame.num_components,
                       [](const auto& bits) { return bits[0] >= 0; });
}

}  // namespace

bool JpegEncoder::encode(const Frame& frame, const CoefficientStore& coefficients,
                         const ScanScript& script, const std::vector<Segment>& markers,
                         std::size_t max_memory_bytes) {
    const bool progressive = !script.empty();
    const ScanScript scans = progressive ? script : ScanScript{sequential_scan(frame)};
    if (progressive ? !is_progression(scans, frame) : !is_valid_scan(scans[0], frame)) return false;
    tokens_.limit(max_memory_bytes);
    writer_.clear();
    writer_.marker(kSOI);
    if (writes_jfif(frame)) writer_.jfif(frame);
    if (writes_adobe(frame)) writer_.adobe(frame);
    for (const Segment& segment : markers) writer_.segment(segment.marker, segment.payload);
    writer_.quantisation(frame);
    writer_.frame(frame, progressive);
    for (const ScanRow& scan : scans) {
        if (!tokenize_scan(frame, coefficients, scan, tokens_) || !write_scan(frame, scan))
            return false;
    }
    writer_.marker(kEOI);
    return true;
}

bool JpegEncoder::write_scan(const Frame& frame, const ScanRow& scan) {
    for (const TableIndex table : {kDc0, kAc0, kDc1, kAc1}) {
        if (tokens_.counts(table) == SymbolCounts{}) continue;
        if (!make_optimal_code(tokens_.counts(table), code_)) return false;
        assign_codes(code_, table, codes_);
        writer_.huffman(table, code_);
    }
    writer_.scan(frame, scan);
    writer_.entropy(tokens_, codes_);
    return true;
}

void JpegEncoder::trim() {
    if (tokens_.capacity_bytes() > kKeepBytes) tokens_.release();
    if (writer_.capacity_bytes() > kKeepBytes) writer_.release();
}

}  // namespace pcr::encode
