// Decoding one JPEG to its pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"
#include "pcr/decode_options.hpp"
#include "pcr/region.hpp"

namespace pcr {

/// Height x width x 3 bytes.
struct RgbImage {
    uint32_t width = 0;
    uint32_t height = 0;
    std::vector<uint8_t> pixels;
};

/// A region of the picture at 1/`scale` (1, 2, 4 or 8), in stored orientation; an empty region
/// stands for all of it. Only what the region needs is decoded. Throws FormatError, and
/// std::invalid_argument for another scale, a region outside of the picture, or options that
/// exclude each other.
RgbImage decode_rgb(ByteSpan jpeg, const DecodeOptions& options, int scale,
                    const Region& region = {});

}  // namespace pcr
