// How JPEGs are decoded.
#pragma once

#include <cstdint>

#include "pcr/codec.hpp"
#include "pcr/limits.hpp"

namespace pcr {

/// Damage is patched up as libjpeg does it, but a JPEG that ends without EOI is refused: it was cut
/// short. Levels of a record end in EOI wherever they were cut.
struct DecodeOptions {
    Codec decoder = Codec::kNative;
    /// Native: components of which only DC is known become smooth surfaces instead of flat blocks.
    /// libjpeg: its guess at whatever low-frequency coefficients are missing.
    bool block_smoothing = false;
    /// Decode at 1/2, 1/4 or 1/8 while the reduced crop is at least this many times the output in
    /// both directions. 1: as soon as the crop is twice the output; infinity: never.
    float oversampling = 1;
    int64_t max_pixels = kMaxPixels;
    /// As if the whole image was resized and the crop cut out of the result: the filter sees the
    /// pixels around the box. Otherwise the box is cut out first.
    bool resize_first = false;

    /// Throws std::invalid_argument for options that exclude each other.
    void check() const;
};

}  // namespace pcr
