// A rectangle of whole pixels.
#pragma once

#include <cstdint>

namespace pcr {

/// The pixels [x0, x1) x [y0, y1).
struct Region {
    uint32_t x0 = 0;
    uint32_t y0 = 0;
    uint32_t x1 = 0;
    uint32_t y1 = 0;

    uint32_t width() const { return x1 - x0; }
    uint32_t height() const { return y1 - y0; }
};

}  // namespace pcr
