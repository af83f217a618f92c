#pragma once

#include <cstdint>

#include "jpeg/segments.hpp"
#include "pcr/bytes.hpp"

namespace pcr {

enum class ColorSpace { kUnknown, kGrayscale, kYCbCr, kRGB, kCMYK, kYCCK };

/// What a JPEG says of itself before its first scan.
struct Header {
    std::int32_t width = 0;  // pixels, as stored (before EXIF orientation)
    std::int32_t height = 0;
    std::int32_t components = 0;
    std::int32_t precision = 0;  // bits per sample
    bool progressive = false;
    bool arithmetic = false;
    ColorSpace color_space = ColorSpace::kUnknown;
    std::int32_t adobe_transform = -1;  // -1 where there is no Adobe marker
    std::int32_t orientation = 1;       // EXIF, 1 … 8
};

/// Reads the header; the bytes after the first SOS are not looked at. Throws FormatError.
Header read_header(ByteSpan jpeg);

/// Fills the fields that an SOF segment holds; throws FormatError if it is malformed.
void read_frame(const Segment& frame, Header& header);

}  // namespace pcr
