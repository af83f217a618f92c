// Which source pixels become an output pixel, and with what weights, along one axis.
#pragma once

#include <cstdint>
#include <vector>

namespace pcr {

/// Fractional bits of fixed-point weights.
inline constexpr int kWeightBits = 15;

/// The source pixels and weights of each output pixel along one axis. All outputs have the same
/// number of taps (weights of zero fill up), so that the inner loops have no conditions.
struct FilterTaps {
    uint32_t taps = 0;
    std::vector<uint32_t> first;   // source index of each output's first tap
    std::vector<int16_t> negated;  // taps per output, below zero: int16_t holds -1, not 1

    /// Triangle filter whose support grows with the reduction, weights normalised, pixels outside
    /// of [0, source_size) left out: Pillow's BILINEAR. Reads [start, start + length).
    void build(double start, double length, uint32_t source_size, uint32_t output_size,
               bool reverse);

  private:
    void set_weights(uint32_t output, double center, double support);
};

}  // namespace pcr
