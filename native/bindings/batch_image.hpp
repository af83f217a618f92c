// An image of a batch as NumPy has it.
#pragma once

#include <array>
#include <cstdint>

/// pcr/loading/jpeg_batch.py says what the fields mean.
struct BatchImage {
    std::array<int64_t, 3> span;
    int64_t label;
    int64_t number;
    int64_t draw;
    std::array<int64_t, 2> size;
    std::array<float, 4> box;
    bool flip;
    uint8_t orientation;
};
