// What a JPEG's markers say about its picture: sizes, components, sampling, colour, quantisation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

namespace pcr::decode {

/// A JPEG byte stream that somebody else owns.
struct Bytes {
    const uint8_t* data = nullptr;
    size_t size = 0;
};

/// The image cannot be decoded; `what()` says why in one line.
class DecodeError : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

inline constexpr int kMaxScans = 100;
inline constexpr int kMaxComponents = 4;
inline constexpr int64_t kDefaultMaxPixels = 178956970;  // Pillow's MAX_IMAGE_PIXELS x 2
inline constexpr int kMaxBlocksInMcu = 10;               // ITU-T T.81, B.2.3

enum class ColorModel { kGray, kYcbcr, kRgb, kCmyk, kYcck };

/// Quantisation steps in zigzag order. All zero until a scan of the component has been seen, as
/// libjpeg has it: a component without any scan comes out mid-gray.
using QuantTable = std::array<uint16_t, 64>;

struct Component {
    uint8_t id = 0;
    uint8_t h = 1;  // sampling factors, 1...4
    uint8_t v = 1;
    uint8_t quant_index = 0;
    bool seen = false;             // some scan has carried this component
    uint32_t width_in_blocks = 0;  // blocks that hold picture
    uint32_t height_in_blocks = 0;
    uint32_t blocks_per_row = 0;  // with the padding to whole MCUs
    uint32_t block_rows = 0;
    QuantTable quant{};
};

/// What a JFIF segment says of the size of a pixel.
struct Jfif {
    uint8_t major_version = 1;
    uint8_t minor_version = 1;
    uint8_t density_unit = 0;
    uint32_t x_density = 1;
    uint32_t y_density = 1;
};

struct Frame {
    uint32_t width = 0;
    uint32_t height = 0;
    bool progressive = false;
    bool huffman = false;  // a process that the native decoder knows: SOF0, SOF1, SOF2
    int num_components = 0;
    uint8_t max_h = 1;
    uint8_t max_v = 1;
    ColorModel color = ColorModel::kYcbcr;
    std::optional<Jfif> jfif;
    int adobe_transform = -1;  // -1: no Adobe segment
    std::array<Component, kMaxComponents> components;

    uint32_t mcus_per_row() const { return (width + 8u * max_h - 1) / (8u * max_h); }
    uint32_t mcu_rows() const { return (height + 8u * max_v - 1) / (8u * max_v); }
};

/// What `read_header` reports, without decoding anything.
struct Header {
    uint32_t width = 0;
    uint32_t height = 0;
    int num_components = 0;
    bool progressive = false;
};

/// Reads the markers up to the frame header. Throws DecodeError where there is none.
Header read_header(Bytes jpeg);

}  // namespace pcr::decode
