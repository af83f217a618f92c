// Everything that converting needs to know of a JPEG's segments, from one walk over them.
#pragma once

#include <vector>

#include "jpeg/segments.hpp"
#include "pcr/header.hpp"

namespace pcr {

struct Outline {
    Header header;
    Segment frame;                           // SOFn
    std::vector<Segment> scans;              // SOS
    std::vector<int64_t> borders;            // as split() gives them
    std::vector<Segment> applications;       // APPn and COM before the first scan, in their order
    std::vector<Segment> late_applications;  // after it, where decoders don't heed them
};

/// Throws FormatError where the JPEG is truncated, malformed or has more than kMaxScans scans.
Outline read_outline(ByteSpan jpeg);

}  // namespace pcr
