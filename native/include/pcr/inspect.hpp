// Looking at single images: coefficients and whole pictures, by either decoder.
#pragma once

#include <vector>

#include "jpeg/frame.hpp"
#include "pcr/decode_pool.hpp"

namespace pcr::decode {

/// Quantised coefficients of one component: blocks in rows, 64 values each in natural order.
struct ComponentCoefficients {
    uint32_t width_in_blocks = 0;
    uint32_t height_in_blocks = 0;
    std::vector<int16_t> values;
};

/// Coefficients of all components. Throws DecodeError.
std::vector<ComponentCoefficients> read_coefficients(Bytes jpeg, Decoder decoder,
                                                     int64_t max_pixels);

/// Whether the native decoder does this stream without libjpeg's help. Throws DecodeError beyond
/// the limits.
bool decodes_natively(Bytes jpeg, int64_t max_pixels);

/// Height x width x 3 bytes.
struct RgbImage {
    uint32_t width = 0;
    uint32_t height = 0;
    std::vector<uint8_t> pixels;
};

/// The whole picture at 1/`scale` (1, 2, 4 or 8), in stored orientation. Throws DecodeError.
RgbImage decode_rgb(Bytes jpeg, const DecodeOptions& options, int scale);

}  // namespace pcr::decode
