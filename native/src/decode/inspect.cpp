#include "pcr/inspect.hpp"

#include <stdexcept>

#include "decode/image_decoder.hpp"
#include "decode/libjpeg_decoder.hpp"

namespace pcr::decode {

std::vector<ComponentCoefficients> read_coefficients(Bytes jpeg, Decoder decoder,
                                                     int64_t max_pixels) {
    EntropyDecoder entropy;
    if (decoder == Decoder::kLibjpeg || !entropy.decode(jpeg, max_pixels)) {
        return libjpeg_coefficients(jpeg, max_pixels);
    }
    std::vector<ComponentCoefficients> result;
    for (int c = 0; c < entropy.frame().num_components; ++c) {
        const Component& component = entropy.frame().components[c];
        const size_t stride = entropy.coefficients().plane(c).stride;
        ComponentCoefficients out{component.width_in_blocks, component.height_in_blocks, {}};
        out.values.resize(size_t{out.width_in_blocks} * out.height_in_blocks * 64);
        int16_t* block = out.values.data();
        for (size_t y = 0; y < out.height_in_blocks; ++y) {
            for (size_t x = 0; x < out.width_in_blocks; ++x, block += 64) {
                entropy.coefficients().read_block(c, y * stride + x, block);
            }
        }
        result.push_back(std::move(out));
    }
    return result;
}

bool decodes_natively(Bytes jpeg, int64_t max_pixels) {
    return EntropyDecoder().decode(jpeg, max_pixels);
}

RgbImage decode_rgb(Bytes jpeg, const DecodeOptions& options, int scale) {
    if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
        throw std::invalid_argument("scale must be 1, 2, 4 or 8");
    }
    if (options.block_smoothing && options.decoder == Decoder::kNative) {
        throw std::invalid_argument("block smoothing needs the libjpeg decoder");
    }
    ImageDecoder decoder;
    const PlanarImage& image = decoder.decode_whole(jpeg, options, scale);
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

}  // namespace pcr::decode
