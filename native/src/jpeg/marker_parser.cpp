#include "jpeg/marker_parser.hpp"

#include <algorithm>
#include <cstring>

#include "entropy/scan_data.hpp"

namespace pcr::decode {

namespace {

enum Marker : uint8_t {
    kSof0 = 0xC0,
    kSof2 = 0xC2,
    kDht = 0xC4,
    kSof15 = 0xCF,
    kJpg = 0xC8,
    kDac = 0xCC,
    kSoi = 0xD8,
    kEoi = 0xD9,
    kSos = 0xDA,
    kDqt = 0xDB,
    kDnl = 0xDC,
    kDri = 0xDD,
    kApp0 = 0xE0,
    kApp14 = 0xEE,
    kApp15 = 0xEF,
    kCom = 0xFE
};

bool is_frame(uint8_t marker) {
    return marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg &&
           marker != kDac;
}

uint32_t read_u16(const uint8_t* p) { return static_cast<uint32_t>(p[0]) << 8 | p[1]; }

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

}  // namespace

MarkerParser::Stop MarkerParser::next() {
    if (position_ == 0) {
        if (jpeg_.size < 2 || jpeg_.data[0] != 0xFF || jpeg_.data[1] != kSoi)
            return Stop::kIrregular;
        position_ = 2;
    }
    for (;;) {
        position_ = find_marker(jpeg_, position_);
        if (position_ >= jpeg_.size) return Stop::kEnd;
        const uint8_t marker = jpeg_.data[position_ + 1];
        position_ += 2;
        if (marker == kEoi) return Stop::kEnd;
        if (marker < kSof0 || (marker > 0xCF && marker < kEoi)) return Stop::kIrregular;
        if (position_ + 2 > jpeg_.size) return Stop::kIrregular;
        const size_t length = read_u16(jpeg_.data + position_);
        if (length < 2 || length > jpeg_.size - position_) return Stop::kIrregular;
        const uint8_t* payload = jpeg_.data + position_ + 2;
        const size_t size = length - 2;
        position_ += length;
        if (is_frame(marker)) {
            return read_frame(marker, payload, size) ? Stop::kFrame : Stop::kIrregular;
        }
        if (marker == kSos) return read_scan(payload, size) ? Stop::kScan : Stop::kIrregular;
        if (marker == kDht) {
            if (!read_huffman(payload, size)) return Stop::kIrregular;
        } else if (marker == kDqt) {
            if (!read_quant(payload, size)) return Stop::kIrregular;
        } else if (marker == kDri) {
            if (size != 2) return Stop::kIrregular;
            tables_.restart_interval = read_u16(payload);
        } else if ((marker >= kApp0 && marker <= kApp15) || marker == kCom || marker == kDnl) {
            read_application(marker, payload, size);
        } else {
            return Stop::kIrregular;
        }
    }
}

bool MarkerParser::read_frame(uint8_t marker, const uint8_t* p, size_t size) {
    if (has_frame_ || size < 6) return false;
    has_frame_ = true;
    frame_.huffman = marker <= kSof2 && p[0] == 8;
    frame_.progressive = marker == kSof2 || marker == 0xC6 || marker == 0xCA || marker == 0xCE;
    frame_.height = read_u16(p + 1);
    frame_.width = read_u16(p + 3);
    frame_.num_components = p[5];
    if (frame_.num_components < 1 || frame_.num_components > kMaxComponents) return false;
    if (frame_.width == 0 || frame_.height == 0) return false;
    if (size != 6 + 3 * static_cast<size_t>(frame_.num_components)) return false;
    for (int i = 0; i < frame_.num_components; ++i) {
        Component& c = frame_.components[i];
        c.id = p[6 + 3 * i];
        c.h = p[7 + 3 * i] >> 4;
        c.v = p[7 + 3 * i] & 15;
        c.quant_index = p[8 + 3 * i];
        if (c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4) return false;
        for (int j = 0; j < i; ++j) {
            if (frame_.components[j].id == c.id) return false;
        }
    }
    lay_out_blocks(frame_);
    return true;
}

bool MarkerParser::read_scan(const uint8_t* p, size_t size) {
    if (!has_frame_ || size < 4) return false;
    const int n = p[0];
    if (n < 1 || n > frame_.num_components || size != 4 + 2 * static_cast<size_t>(n)) return false;
    scan_ = ScanHeader{};
    scan_.num_components = n;
    int blocks = 0;
    for (int i = 0; i < n; ++i) {
        int index = 0;
        while (index < frame_.num_components && frame_.components[index].id != p[1 + 2 * i])
            ++index;
        if (index == frame_.num_components) return false;
        if (i > 0 && index <= scan_.component[i - 1]) return false;  // not in the frame's order
        scan_.component[i] = static_cast<uint8_t>(index);
        scan_.dc_table[i] = p[2 + 2 * i] >> 4;
        scan_.ac_table[i] = p[2 + 2 * i] & 15;
        if (scan_.dc_table[i] > 3 || scan_.ac_table[i] > 3) return false;
        blocks += frame_.components[index].h * frame_.components[index].v;
    }
    if (n > 1 && blocks > kMaxBlocksInMcu) return false;
    const uint8_t* spectral = p + 1 + 2 * n;
    scan_.first = spectral[0];
    scan_.last = spectral[1];
    scan_.high = spectral[2] >> 4;
    scan_.low = spectral[2] & 15;
    for (int i = 0; i < n; ++i) {  // a component keeps the table that its first scan saw
        Component& c = frame_.components[scan_.component[i]];
        if (c.seen) continue;
        if (c.quant_index > 3 || !tables_.quant_defined[c.quant_index]) return false;
        c.quant = tables_.quant[c.quant_index];
        c.seen = true;
    }
    if (!has_scan_) choose_color();
    has_scan_ = true;
    return true;
}

bool MarkerParser::read_huffman(const uint8_t* p, size_t size) {
    while (size >= 17) {
        const uint8_t index = p[0];
        HuffmanSpec spec;
        spec.defined = true;
        size_t total = 0;
        for (int length = 1; length <= 16; ++length) total += spec.counts[length] = p[length];
        p += 17;
        size -= 17;
        if (total > 256 || total > size || (index & 0xEF) > 3) return false;
        std::memcpy(spec.symbols.data(), p, total);
        p += total;
        size -= total;
        (index & 0x10 ? tables_.ac : tables_.dc)[index & 3] = spec;
    }
    return size == 0;
}

bool MarkerParser::read_quant(const uint8_t* p, size_t size) {
    while (size > 0) {
        const int index = p[0] & 15;
        const size_t bytes = p[0] >> 4 ? 2 : 1;
        if (index > 3 || size < 1 + 64 * bytes) return false;
        ++p;
        for (int k = 0; k < 64; ++k, p += bytes) {
            tables_.quant[index][k] = static_cast<uint16_t>(bytes == 2 ? read_u16(p) : *p);
        }
        tables_.quant_defined[index] = true;
        size -= 1 + 64 * bytes;
    }
    return true;
}

void MarkerParser::read_application(uint8_t marker, const uint8_t* p, size_t size) {
    if (marker == kApp0 && size >= 14 && std::memcmp(p, "JFIF", 5) == 0) {
        odd_application_ |= p[5] != 1;
        frame_.jfif = Jfif{p[5], p[6], p[7], read_u16(p + 8), read_u16(p + 10)};
    } else if (marker == kApp14 && size >= 12 && std::memcmp(p, "Adobe", 5) == 0) {
        frame_.adobe_transform = p[11];
    } else {
        return;
    }
    odd_application_ |= has_scan_;
}

bool MarkerParser::is_clean() const {
    for (int i = 0; i < frame_.num_components; ++i) {
        const Component& c = frame_.components[i];
        if (!c.seen || c.quant != tables_.quant[c.quant_index]) return false;
    }
    const int transform = frame_.adobe_transform;
    const bool known_transform =
        frame_.num_components == 4 ? transform <= 0 || transform == 2 : transform <= 1;
    return known_transform && !odd_application_;
}

// As libjpeg's default_decompress_parms guesses it.
void MarkerParser::choose_color() {
    const auto& c = frame_.components;
    switch (frame_.num_components) {
        case 1:
            frame_.color = ColorModel::kGray;
            break;
        case 3: {
            const bool rgb_ids = c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B';
            const bool rgb = !frame_.jfif &&
                             (frame_.adobe_transform >= 0 ? frame_.adobe_transform == 0 : rgb_ids);
            frame_.color = rgb ? ColorModel::kRgb : ColorModel::kYcbcr;
            break;
        }
        case 4:
            frame_.color = frame_.adobe_transform > 0 ? ColorModel::kYcck : ColorModel::kCmyk;
            break;
        default:
            break;  // two components: no colour model is known; reconstruction refuses
    }
}

Header read_header(Bytes jpeg) {
    MarkerParser parser(jpeg);
    if (parser.next() != MarkerParser::Stop::kFrame) {
        throw DecodeError("not a JPEG: no frame header found");
    }
    const Frame& frame = parser.frame();
    return {frame.width, frame.height, frame.num_components, frame.progressive};
}

}  // namespace pcr::decode
