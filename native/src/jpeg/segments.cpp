#include "jpeg/segments.hpp"

#include "pcr/error.hpp"

namespace pcr {
namespace {

std::string hex(uint8_t value) {
    static const char digits[] = "0123456789ABCDEF";
    return {'0', 'x', digits[value >> 4], digits[value & 15]};
}

bool has_payload(uint8_t marker) {
    return is_dct_frame_marker(marker) || is_application_marker(marker) || marker == kDHT ||
           marker == kDAC || marker == kSOS || marker == kDQT || marker == kDRI || marker == kCOM;
}

[[noreturn]] void fail_at_marker(size_t offset, uint8_t marker) {
    if (marker == kDNL) {
        fail_at(offset, "DNL marker: a height that follows the image data is not supported");
    }
    if (marker == kSOI) fail_at(offset, "second SOI marker before EOI");
    if (is_frame_marker(marker)) {
        fail_at(offset, "unsupported JPEG process SOF" + std::to_string(marker - kSOF0) +
                            " (lossless or hierarchical)");
    }
    fail_at(offset, "unexpected marker 0xFF " + hex(marker));
}

}  // namespace

void fail_at(size_t offset, const std::string& what) {
    throw FormatError("byte " + std::to_string(offset) + ": " + what);
}

SegmentReader::SegmentReader(ByteSpan jpeg) : jpeg_(jpeg) {
    if (jpeg.size == 0) throw FormatError("not a JPEG: the file is empty");
    if (jpeg.size < 2 || jpeg.data[0] != 0xFF || jpeg.data[1] != kSOI) {
        throw FormatError("not a JPEG: expected 0xFF 0xD8 (SOI) at byte 0");
    }
}

Segment SegmentReader::next() {
    const size_t offset = find_next();
    Segment segment;
    segment.offset = static_cast<int64_t>(offset);
    segment.marker = jpeg_.data[offset + 1];
    position_ = offset + 2;
    if (has_payload(segment.marker)) {
        segment.payload = read_payload(offset);
    } else if (segment.marker != kEOI && segment.marker != kTEM) {
        fail_at_marker(offset, segment.marker);
    }
    in_entropy_data_ = segment.marker == kSOS;
    return segment;
}

size_t SegmentReader::find_next() const {
    if (in_entropy_data_) {
        const size_t end = find_scan_end(jpeg_, position_);
        if (end == jpeg_.size) fail_at(end, "the file ends within image data, without EOI");
        return end;
    }
    size_t position = position_;
    while (position < jpeg_.size && jpeg_.data[position] == 0xFF) ++position;
    if (position == jpeg_.size) fail_at(position, "the file ends where a marker is expected");
    if (position == position_ || jpeg_.data[position] == 0) {
        fail_at(position, "expected a marker, found " + hex(jpeg_.data[position]));
    }
    return position - 1;
}

ByteSpan SegmentReader::read_payload(size_t offset) {
    const size_t left = jpeg_.size - position_;
    if (left < 2) fail_at(jpeg_.size, "the file ends within a segment's length");
    const size_t length = read_u16(jpeg_.data + position_);
    if (length < 2) fail_at(offset, "segment length " + std::to_string(length) + " is less than 2");
    if (left < length) {
        fail_at(offset, "segment of " + std::to_string(length) +
                            " bytes reaches beyond the end of the file (" + std::to_string(left) +
                            " left)");
    }
    const ByteSpan payload = jpeg_.subspan(position_ + 2, length - 2);
    position_ += length;
    return payload;
}

}  // namespace pcr
