#include "pcr/test_support.hpp"

#include "decode/libjpeg_decoder.hpp"
#include "entropy/entropy_decoder.hpp"

namespace pcr {
namespace {

ComponentCoefficients gather(const Component& component, const CoefficientStore& coefficients,
                             int index) {
    ComponentCoefficients result{component.width_in_blocks, component.height_in_blocks, {}};
    result.values.resize(size_t{result.width_in_blocks} * result.height_in_blocks * 64);
    const size_t stride = coefficients.plane(index).stride;
    int16_t* block = result.values.data();
    for (size_t y = 0; y < result.height_in_blocks; ++y) {
        for (size_t x = 0; x < result.width_in_blocks; ++x, block += 64) {
            coefficients.read_block(index, y * stride + x, block);
        }
    }
    return result;
}

}  // namespace

std::vector<ComponentCoefficients> read_coefficients(ByteSpan jpeg, Codec decoder,
                                                     int64_t max_pixels) {
    EntropyDecoder entropy;
    if (decoder == Codec::kLibjpeg || !entropy.decode(jpeg, max_pixels)) {
        return LibjpegImage(jpeg, max_pixels).coefficients();
    }
    std::vector<ComponentCoefficients> result;
    for (int c = 0; c < entropy.frame().num_components; ++c) {
        result.push_back(gather(entropy.frame().components[c], entropy.coefficients(), c));
    }
    return result;
}

bool decodes_natively(ByteSpan jpeg, int64_t max_pixels) {
    return EntropyDecoder().decode(jpeg, max_pixels);
}

}  // namespace pcr
