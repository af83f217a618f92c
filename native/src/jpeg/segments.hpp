#pragma once

#include <cstdint>
#include <string>

#include "pcr/bytes.hpp"

namespace pcr {

/// Marker codes of ITU-T T.81, table B.1.
enum Marker : std::uint8_t {
    kTEM = 0x01,
    kSOF0 = 0xC0,
    kSOF1 = 0xC1,
    kSOF2 = 0xC2,
    kSOF9 = 0xC9,
    kDHT = 0xC4,
    kJPG = 0xC8,
    kSOF10 = 0xCA,
    kDAC = 0xCC,
    kSOF15 = 0xCF,
    kRST0 = 0xD0,
    kRST7 = 0xD7,
    kSOI = 0xD8,
    kEOI = 0xD9,
    kSOS = 0xDA,
    kDQT = 0xDB,
    kDNL = 0xDC,
    kDRI = 0xDD,
    kAPP0 = 0xE0,
    kAPP1 = 0xE1,
    kAPP14 = 0xEE,
    kAPP15 = 0xEF,
    kCOM = 0xFE,
};

/// Whether `marker` starts a frame of DCT coefficients: sequential or progressive, Huffman or
/// arithmetic. Lossless and hierarchical frames are refused.
bool is_frame_marker(std::uint8_t marker);

struct Segment {
    std::int64_t offset =
        0;  // of the marker's own 0xFF; fill bytes before it belong to what precedes
    std::uint8_t marker = 0;
    ByteSpan payload;  // without the length field; empty for markers that stand alone
};

/// Walks the marker segments of one JPEG from SOI to EOI, stepping over entropy-coded data.
/// Anything else than well-formed segments is a FormatError that names the byte offset.
class SegmentReader {
  public:
    explicit SegmentReader(ByteSpan jpeg);

    /// The next segment. Don't call it again after it returned EOI.
    Segment next();

  private:
    std::size_t find_marker_after_entropy_data() const;
    std::size_t find_marker() const;
    ByteSpan read_payload(std::size_t offset);

    ByteSpan jpeg_;
    std::size_t position_;
    bool in_entropy_data_ = false;
};

[[noreturn]] void fail_at(std::int64_t offset, const std::string& what);

}  // namespace pcr
