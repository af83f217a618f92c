#include "pcr/decode_options.hpp"

#include <stdexcept>

namespace pcr {

void DecodeOptions::check() const {
    if (!(oversampling >= 1)) throw std::invalid_argument("oversampling must be at least 1");
}

}  // namespace pcr
