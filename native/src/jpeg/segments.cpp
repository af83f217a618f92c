#include "jpeg/segments.hpp"

#include <cstring>

#include "pcr/error.hpp"

namespace pcr {
namespace {

std::string hex(std::uint8_t value) {
    static const char digits[] = "0123456789ABCDEF";
    return {'0', 'x', digits[value >> 4], digits[value & 15]};
}

bool is_restart(std::uint8_t marker) { return marker >= kRST0 && marker <= kRST7; }

bool has_payload(std::uint8_t marker) {
    return is_frame_marker(marker) || marker == kDHT || marker == kDAC || marker == kSOS ||
           marker == kDQT || marker == kDRI || marker == kCOM ||
           (marker >= kAPP0 && marker <= kAPP15);
}

[[noreturn]] void fail_at_marker(std::size_t offset, std::uint8_t marker) {
    const auto where = static_cast<std::int64_t>(offset);
    if (marker == kDNL) {
        fail_at(where, "DNL marker: a height that follows the image data is not supported");
    }
    if (marker == kSOI) {
        fail_at(where, "second SOI marker before EOI");
    }
    if (marker >= kSOF0 && marker <= kSOF15 && marker != kJPG) {
        fail_at(where, "unsupported JPEG process SOF" + std::to_string(marker - kSOF0) +
                           " (lossless or hierarchical)");
    }
    fail_at(where, "unexpected marker 0xFF " + hex(marker));
}

}  // namespace

void fail_at(std::int64_t offset, const std::string& what) {
    throw FormatError("byte " + std::to_string(offset) + ": " + what);
}

bool is_frame_marker(std::uint8_t marker) {
    return marker == kSOF0 || marker == kSOF1 || marker == kSOF2 || marker == kSOF9 ||
           marker == kSOF10;
}

SegmentReader::SegmentReader(ByteSpan jpeg) : jpeg_(jpeg), position_(2) {
    if (jpeg.size == 0) {
        throw FormatError("no JPEG: the file is empty");
    }
    if (jpeg.size < 2 || jpeg.data[0] != 0xFF || jpeg.data[1] != kSOI) {
        throw FormatError("no JPEG: expected 0xFF 0xD8 (SOI) at byte 0");
    }
}

Segment SegmentReader::next() {
    const std::size_t offset = in_entropy_data_ ? find_marker_after_entropy_data() : find_marker();
    Segment segment;
    segment.offset = static_cast<std::int64_t>(offset);
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

/// Entropy-coded data ends at a marker that is neither a stuffed 0xFF 0x00 nor RSTn (T.81,
/// B.1.1.5).
std::size_t SegmentReader::find_marker_after_entropy_data() const {
    std::size_t position = position_;
    while (position < jpeg_.size) {
        const void* found = std::memchr(jpeg_.data + position, 0xFF, jpeg_.size - position);
        if (found == nullptr) {
            break;
        }
        position =
            static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - jpeg_.data) + 1;
        while (position < jpeg_.size && jpeg_.data[position] == 0xFF) {
            ++position;
        }
        if (position < jpeg_.size && jpeg_.data[position] != 0 &&
            !is_restart(jpeg_.data[position])) {
            return position - 1;
        }
    }
    fail_at(static_cast<std::int64_t>(jpeg_.size), "the file ends within image data, without EOI");
}

std::size_t SegmentReader::find_marker() const {
    std::size_t position = position_;
    while (position < jpeg_.size && jpeg_.data[position] == 0xFF) {
        ++position;
    }
    if (position == jpeg_.size) {
        fail_at(static_cast<std::int64_t>(jpeg_.size), "the file ends where a marker is expected");
    }
    if (position == position_ || jpeg_.data[position] == 0) {
        fail_at(static_cast<std::int64_t>(position),
                "expected a marker, found " + hex(jpeg_.data[position]));
    }
    return position - 1;
}

ByteSpan SegmentReader::read_payload(std::size_t offset) {
    if (jpeg_.size - position_ < 2) {
        fail_at(static_cast<std::int64_t>(jpeg_.size), "the file ends within a segment's length");
    }
    const std::size_t length = jpeg_.data[position_] * std::size_t{256} + jpeg_.data[position_ + 1];
    if (length < 2) {
        fail_at(static_cast<std::int64_t>(offset),
                "segment length " + std::to_string(length) + " is less than 2");
    }
    if (jpeg_.size - position_ < length) {
        fail_at(static_cast<std::int64_t>(offset),
                "segment of " + std::to_string(length) +
                    " bytes reaches beyond the end of the file (" +
                    std::to_string(jpeg_.size - position_) + " left)");
    }
    const ByteSpan payload = jpeg_.subspan(position_ + 2, length - 2);
    position_ += length;
    return payload;
}

}  // namespace pcr
