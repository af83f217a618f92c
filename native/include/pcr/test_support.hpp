// What only tests ask of the decoder: single coefficients, by either codec.
#pragma once

#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"
#include "pcr/codec.hpp"

namespace pcr {

/// Quantised coefficients of one component: blocks in rows, 64 values each in natural order.
struct ComponentCoefficients {
    uint32_t width_in_blocks = 0;
    uint32_t height_in_blocks = 0;
    std::vector<int16_t> values;
};

/// Coefficients of all components. Throws FormatError.
std::vector<ComponentCoefficients> read_coefficients(ByteSpan jpeg, Codec decoder,
                                                     int64_t max_pixels);

/// Whether the native decoder does this stream without libjpeg's help. Throws FormatError beyond
/// the limits.
bool decodes_natively(ByteSpan jpeg, int64_t max_pixels);

}  // namespace pcr
