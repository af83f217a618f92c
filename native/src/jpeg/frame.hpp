// What a JPEG's frame says of its picture: size, components, sampling, quantisation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "jpeg/application.hpp"
#include "pcr/header.hpp"

namespace pcr {

inline constexpr int kMaxComponents = 4;
inline constexpr int kMaxBlocksInMcu = 10;  // ITU-T T.81, B.2.3

/// Quantisation steps in zigzag order. All zero until a scan of the component was seen, as in
/// libjpeg: a component without any scan comes out mid-gray.
using QuantTable = std::array<uint16_t, 64>;

struct Component {
    uint8_t id = 0;
    uint8_t h = 1;  // sampling factors, 1 … 4
    uint8_t v = 1;
    uint8_t quant_index = 0;
    bool seen = false;             // some scan has carried this component
    bool has_ac = false;           // some scan has carried AC coefficients of it
    uint32_t width_in_blocks = 0;  // blocks that hold picture
    uint32_t height_in_blocks = 0;
    uint32_t blocks_per_row = 0;  // with the padding to whole MCUs
    uint32_t block_rows = 0;
    QuantTable quant{};
};

struct Frame {
    uint32_t width = 0;
    uint32_t height = 0;
    bool progressive = false;
    bool huffman = false;  // a process that the native decoder knows: SOF0, SOF1, SOF2
    int num_components = 0;
    uint8_t max_h = 1;
    uint8_t max_v = 1;
    ColorSpace color = ColorSpace::kUnknown;
    std::optional<Jfif> jfif;
    int adobe_transform = -1;  // -1: no Adobe segment
    std::array<Component, kMaxComponents> components;

    uint32_t mcus_per_row() const { return (width + 8u * max_h - 1) / (8u * max_h); }
    uint32_t mcu_rows() const { return (height + 8u * max_v - 1) / (8u * max_v); }
};

/// Throws FormatError where a picture has more than `max_pixels`.
void check_pixels(int64_t width, int64_t height, int64_t max_pixels);

}  // namespace pcr
