// Walks the marker segments of a well-formed JPEG.
#pragma once

#include <cstdint>
#include <string>

#include "jpeg/markers.hpp"
#include "pcr/bytes.hpp"

namespace pcr {

struct Segment {
    int64_t offset = 0;  // of the marker's own 0xFF; fill bytes before it belong to what precedes
    uint8_t marker = 0;
    ByteSpan payload;  // without the length field; empty for markers that stand alone
};

/// Walks one JPEG from SOI to EOI, stepping over entropy-coded data. Anything but well-formed
/// segments is a FormatError that names the byte offset.
class SegmentReader {
  public:
    explicit SegmentReader(ByteSpan jpeg);

    /// The next segment. Don't call it again after it returned EOI.
    Segment next();

  private:
    size_t find_next() const;
    ByteSpan read_payload(size_t offset);

    ByteSpan jpeg_;
    size_t position_ = 2;
    bool in_entropy_data_ = false;
};

[[noreturn]] void fail_at(size_t offset, const std::string& what);

}  // namespace pcr
