#include "pcr/decode_options.hpp"

#include <stdexcept>

namespace pcr {

void DecodeOptions::check() const {
    if (block_smoothing && decoder == Codec::kNative) {
        throw std::invalid_argument("block smoothing needs the libjpeg decoder");
    }
    if (!(oversampling >= 1)) throw std::invalid_argument("oversampling must be at least 1");
}

}  // namespace pcr
