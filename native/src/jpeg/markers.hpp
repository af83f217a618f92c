// The marker codes of ITU-T T.81, table B.1, and how to find them among bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pcr/bytes.hpp"

namespace pcr {

enum Marker : uint8_t {
    kTEM = 0x01,
    kSOF0 = 0xC0,
    kSOF1 = 0xC1,
    kSOF2 = 0xC2,
    kDHT = 0xC4,
    kJPG = 0xC8,
    kSOF9 = 0xC9,
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

/// Whether `marker` starts a frame of any kind.
inline bool is_frame_marker(uint8_t marker) {
    return marker >= kSOF0 && marker <= kSOF15 && marker != kDHT && marker != kJPG &&
           marker != kDAC;
}

/// Whether it starts a frame that this project knows: of DCT coefficients, sequential or
/// progressive, Huffman or arithmetic; neither lossless nor hierarchical.
inline bool is_dct_frame_marker(uint8_t marker) {
    return marker == kSOF0 || marker == kSOF1 || marker == kSOF2 || marker == kSOF9 ||
           marker == kSOF10;
}

inline bool is_progressive_frame_marker(uint8_t marker) { return (marker & 3) == 2; }

inline bool is_restart_marker(uint8_t marker) { return marker >= kRST0 && marker <= kRST7; }

inline bool is_application_marker(uint8_t marker) { return marker >= kAPP0 && marker <= kAPP15; }

/// The position of the first 0xFF at or after `position`, or the buffer's size.
size_t find_ff(ByteSpan jpeg, size_t position);

/// The position of the 0xFF before the next marker code at or after `position` (fill bytes come
/// before it), or the buffer's size.
size_t find_marker(ByteSpan jpeg, size_t position);

/// Whether EOI comes after the segments and scans, as decoders find it: bytes between segments are
/// skipped. A JPEG without it was cut short.
bool ends_in_eoi(ByteSpan jpeg);

/// As find_marker, but the end of a scan's data: restart markers belong to it (T.81, B.1.1.5).
size_t find_scan_end(ByteSpan jpeg, size_t position);

}  // namespace pcr
