// Everything that converting needs to know of a JPEG's segments, from one walk over them.
#pragma once

#include <vector>

#include "jpeg/segments.hpp"
#include "pcr/header.hpp"

namespace pcr {

struct Outline {
    Header header;
    std::vector<int64_t> borders;       // as split() gives them
    std::vector<Segment> applications;  // APPn and COM, of the whole file in their order
};

/// Throws FormatError where the JPEG is truncated, malformed or has more than kMaxScans scans.
Outline read_outline(ByteSpan jpeg);

}  // namespace pcr
