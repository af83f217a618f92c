#include "jpeg/marker_parser.hpp"

#include <algorithm>
#include <cstring>

#include "jpeg/header_builder.hpp"
#include "pcr/error.hpp"

namespace pcr {
namespace {

uint32_t divide_up(uint64_t a, uint64_t b) { return static_cast<uint32_t>((a + b - 1) / b); }

void lay_out_blocks(Frame& frame) {
    for (int i = 0; i < frame.num_components; ++i) {
        frame.max_h = std::max(frame.max_h, frame.components[i].h);
        frame.max_v = std::max(frame.max_v, frame.components[i].v);
    }
    for (int i = 0; i < frame.num_components; ++i) {
        Component& c = frame.components[i];
        c.width_in_blocks = divide_up(uint64_t{frame.width} * c.h, 8u * frame.max_h);
        c.height_in_blocks = divide_up(uint64_t{frame.height} * c.v, 8u * frame.max_v);
        c.blocks_per_row = frame.mcus_per_row() * c.h;
        c.block_rows = frame.mcu_rows() * c.v;
    }
}

int find_component(const Frame& frame, uint8_t id) {
    int index = 0;
    while (index < frame.num_components && frame.components[index].id != id) ++index;
    return index;
}

}  // namespace

void check_pixels(int64_t width, int64_t height, int64_t max_pixels) {
    if (width * height <= max_pixels) return;
    throw FormatError("JPEG of " + std::to_string(width) + " x " + std::to_string(height) +
                      " pixels exceeds the limit of " + std::to_string(max_pixels) + " pixels");
}

MarkerParser::Stop MarkerParser::next() {
    if (position_ == 0 && !begin()) return Stop::kIrregular;
    for (;;) {
        position_ = find_marker(jpeg_, position_);
        if (position_ >= jpeg_.size || jpeg_.data[position_ + 1] == kEOI) return Stop::kEnd;
        Segment segment;
        if (!read_segment(segment)) return Stop::kIrregular;
        if (is_frame_marker(segment.marker)) {
            return read_frame(segment) ? Stop::kFrame : Stop::kIrregular;
        }
        if (segment.marker == kSOS) {
            return read_scan(segment.payload) ? Stop::kScan : Stop::kIrregular;
        }
        if (!read_tables(segment)) return Stop::kIrregular;
    }
}

bool MarkerParser::begin() {
    position_ = 2;
    return jpeg_.size >= 2 && jpeg_.data[0] == 0xFF && jpeg_.data[1] == kSOI;
}

/// The segment whose marker is at the position; false where it has none, or its length is wrong.
bool MarkerParser::read_segment(Segment& segment) {
    segment.marker = jpeg_.data[position_ + 1];
    position_ += 2;
    if (segment.marker < kSOF0 || (segment.marker > kSOF15 && segment.marker < kEOI)) return false;
    if (position_ + 2 > jpeg_.size) return false;
    const size_t length = read_u16(jpeg_.data + position_);
    if (length < 2 || length > jpeg_.size - position_) return false;
    segment.payload = jpeg_.subspan(position_ + 2, length - 2);
    position_ += length;
    return true;
}

bool MarkerParser::read_tables(const Segment& segment) {
    if (segment.marker == kDHT) return read_huffman(segment.payload);
    if (segment.marker == kDQT) return read_quant(segment.payload);
    if (segment.marker == kDRI) {
        if (segment.payload.size != 2) return false;
        tables_.restart_interval = read_u16(segment.payload.data);
        return true;
    }
    read_application(segment);
    return is_application_marker(segment.marker) || segment.marker == kCOM ||
           segment.marker == kDNL;
}

bool MarkerParser::read_frame(const Segment& segment) {
    if (has_frame_) return false;
    const std::optional<Header> header = parse_frame(segment.marker, segment.payload);
    if (!header) return false;
    has_frame_ = true;
    frame_.huffman = segment.marker <= kSOF2 && header->precision == 8;
    frame_.progressive = header->progressive;
    frame_.height = static_cast<uint32_t>(header->height);
    frame_.width = static_cast<uint32_t>(header->width);
    frame_.num_components = header->components;
    if (frame_.num_components < 1 || frame_.num_components > kMaxComponents) return false;
    if (frame_.width == 0 || frame_.height == 0) return false;
    if (!read_components(segment.payload.subspan(6))) return false;
    lay_out_blocks(frame_);
    return true;
}

bool MarkerParser::read_components(ByteSpan payload) {
    const uint8_t* p = payload.data;
    for (int i = 0; i < frame_.num_components; ++i, p += 3) {
        Component& c = frame_.components[i];
        c.id = p[0];
        c.h = p[1] >> 4;
        c.v = p[1] & 15;
        c.quant_index = p[2];
        if (c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4) return false;
        if (find_component(frame_, c.id) != i) return false;  // an identifier that comes twice
    }
    return true;
}

bool MarkerParser::read_scan(ByteSpan payload) {
    if (!has_frame_ || !read_scan_components(payload) || !note_scan()) return false;
    const auto& c = frame_.components;
    if (!has_scan_) {
        frame_.color = guess_color_space(frame_.num_components, frame_.jfif.has_value(),
                                         frame_.adobe_transform, is_rgb(c[0].id, c[1].id, c[2].id));
    }
    has_scan_ = true;
    return true;
}

bool MarkerParser::read_scan_components(ByteSpan payload) {
    const uint8_t* p = payload.data;
    scan_ = ScanHeader{};
    if (payload.size < 4) return false;
    scan_.count = p[0];
    if (scan_.count < 1 || scan_.count > frame_.num_components) return false;
    if (payload.size != 4 + 2 * static_cast<size_t>(scan_.count)) return false;
    ++p;
    int blocks = 0;
    for (int i = 0; i < scan_.count; ++i, p += 2) {
        const int index = find_component(frame_, p[0]);
        if (index == frame_.num_components) return false;
        if (i > 0 && index <= scan_.components[i - 1]) return false;  // not in the frame's order
        scan_.components[i] = index;
        scan_.dc_table[i] = p[1] >> 4;
        scan_.ac_table[i] = p[1] & 15;
        if (scan_.dc_table[i] > 3 || scan_.ac_table[i] > 3) return false;
        blocks += frame_.components[index].h * frame_.components[index].v;
    }
    scan_.first = p[0];
    scan_.last = p[1];
    scan_.high = p[2] >> 4;
    scan_.low = p[2] & 15;
    return scan_.count == 1 || blocks <= kMaxBlocksInMcu;
}

/// Notes what a scan brings. A component keeps the quantisation table that its first scan saw;
/// false where there is none.
bool MarkerParser::note_scan() {
    for (int i = 0; i < scan_.count; ++i) {
        Component& c = frame_.components[scan_.components[i]];
        c.has_ac |= scan_.last > 0;
        if (c.seen) continue;
        if (c.quant_index > 3 || !tables_.quant_defined[c.quant_index]) return false;
        c.quant = tables_.quant[c.quant_index];
        c.seen = true;
    }
    return true;
}

bool MarkerParser::read_huffman(ByteSpan payload) {
    while (payload.size >= 17) {
        const uint8_t index = payload.data[0];
        HuffmanSpec spec;
        spec.defined = true;
        size_t total = 0;
        for (int length = 1; length <= 16; ++length) {
            total += spec.counts[length] = payload.data[length];
        }
        payload = payload.subspan(17);
        if (total > 256 || total > payload.size || (index & 0xEF) > 3) return false;
        std::memcpy(spec.symbols.data(), payload.data, total);
        payload = payload.subspan(total);
        (index & 0x10 ? tables_.ac : tables_.dc)[index & 3] = spec;
    }
    return payload.size == 0;
}

bool MarkerParser::read_quant(ByteSpan payload) {
    while (payload.size > 0) {
        const int index = payload.data[0] & 15;
        const size_t bytes = payload.data[0] >> 4 ? 2 : 1;
        if (index > 3 || payload.size < 1 + 64 * bytes) return false;
        const uint8_t* p = payload.data + 1;
        for (int k = 0; k < 64; ++k, p += bytes) {
            tables_.quant[index][k] = static_cast<uint16_t>(bytes == 2 ? read_u16(p) : *p);
        }
        tables_.quant_defined[index] = true;
        payload = payload.subspan(1 + 64 * bytes);
    }
    return true;
}

void MarkerParser::read_application(const Segment& segment) {
    if (const auto jfif = read_jfif(segment)) {
        unknown_jfif_ |= jfif->major_version != 1;
        if (!has_scan_) frame_.jfif = jfif;
    } else if (const auto transform = read_adobe_transform(segment)) {
        if (!has_scan_) frame_.adobe_transform = *transform;
    }
}

bool MarkerParser::is_clean() const {
    for (int i = 0; i < frame_.num_components; ++i) {
        const Component& c = frame_.components[i];
        if (!c.seen || c.quant != tables_.quant[c.quant_index]) return false;
    }
    const int transform = frame_.adobe_transform;
    const bool known_transform =
        frame_.num_components == 4 ? transform <= 0 || transform == 2 : transform <= 1;
    return known_transform && !unknown_jfif_;
}

}  // namespace pcr
