// The application segments that say how to read a picture, and the colour space that follows.
#pragma once

#include <cstdint>
#include <optional>

#include "jpeg/segments.hpp"
#include "pcr/header.hpp"

namespace pcr {

/// What a JFIF segment says of its version and of the size of a pixel (ITU-T T.871, 10.1).
struct Jfif {
    uint8_t major_version = 1;
    uint8_t minor_version = 1;
    uint8_t density_unit = 0;
    uint32_t x_density = 1;
    uint32_t y_density = 1;
};

/// Nothing where the segment is not JFIF.
std::optional<Jfif> read_jfif(const Segment& segment);

/// The colour transform that an Adobe segment names; nothing for any other segment.
std::optional<int> read_adobe_transform(const Segment& segment);

/// Whether the identifiers of three components spell RGB.
inline bool is_rgb(uint8_t a, uint8_t b, uint8_t c) { return a == 'R' && b == 'G' && c == 'B'; }

/// The colour space that libjpeg guesses (jdapimin.c, default_decompress_parms), so that what is
/// reported is what decoders show. `adobe_transform` is -1 where there is no Adobe segment.
ColorSpace guess_color_space(int components, bool jfif, int adobe_transform, bool rgb_ids);

}  // namespace pcr
