#include "pcr/decode_rgb.hpp"

#include <stdexcept>

#include "decode/image_decoder.hpp"

namespace pcr {

RgbImage decode_rgb(ByteSpan jpeg, const DecodeOptions& options, int scale, const Region& region) {
    if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
        throw std::invalid_argument("scale must be 1, 2, 4 or 8");
    }
    options.check();
    ImageDecoder decoder;
    const PlanarImage& image = decoder.decode_region(jpeg, options, scale, region);
    RgbImage rgb{image.width(), image.height(), {}};
    rgb.pixels.resize(size_t{image.width()} * image.height() * 3);
    uint8_t* out = rgb.pixels.data();
    for (uint32_t y = 0; y < image.height(); ++y) {
        const uint8_t* planes[3];
        for (int c = 0; c < 3; ++c) planes[c] = image.row(image.num_planes() == 1 ? 0 : c, y);
        for (uint32_t x = 0; x < image.width(); ++x) {
            for (const uint8_t* plane : planes) *out++ = plane[x];
        }
    }
    return rgb;
}

}  // namespace pcr
