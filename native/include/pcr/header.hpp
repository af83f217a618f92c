// What a JPEG says of itself before its first scan.
#pragma once

#include <cstdint>

#include "pcr/bytes.hpp"

namespace pcr {

enum class ColorSpace { kUnknown, kGrayscale, kYCbCr, kRGB, kCMYK, kYCCK };

struct Header {
    int32_t width = 0;  // pixels, as stored (before EXIF orientation)
    int32_t height = 0;
    int32_t components = 0;
    int32_t precision = 0;  // bits per sample
    bool progressive = false;
    bool arithmetic = false;
    ColorSpace color_space = ColorSpace::kUnknown;
    int32_t adobe_transform = -1;  // -1 where there is no Adobe segment
    int32_t orientation = 1;       // EXIF, 1 … 8
};

/// Reads the header of a well-formed JPEG; the bytes after the first SOS segment are not looked at.
/// Throws FormatError.
Header read_header(ByteSpan jpeg);

struct PictureSize {
    int32_t width = 0;  // pixels, as stored
    int32_t height = 0;
};

/// The size that decoders find, in damaged and truncated JPEGs too; zeros where they find no frame
/// header.
PictureSize find_picture_size(ByteSpan jpeg);

}  // namespace pcr
