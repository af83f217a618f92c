// Antialiased resizing of a crop, with orientation, flip and normalisation, into its place of a
// batch.
#pragma once

#include <cstdint>
#include <vector>

#include "memory/aligned_buffer.hpp"
#include "pcr/output_spec.hpp"
#include "pixels/planar_image.hpp"

namespace pcr {

/// How stored pixels become oriented ones (EXIF 2.32, tag 0x0112), or the same with a flip after
/// it: stored column = u or, reversed, width - 1 - u, where (u, v) is (x, y) or, transposed, (y,
/// x); rows similarly.
struct Orientation {
    bool transpose = false;
    bool reverse_columns = false;
    bool reverse_rows = false;

    static Orientation from_exif(int value);
    Orientation then_flip() const;
    /// The stored rectangle that shows as `box`; `width` and `height` are the stored ones.
    Box to_stored(const Box& box, uint32_t width, uint32_t height) const;
};

/// Fractional bits of fixed-point weights.
inline constexpr int kWeightBits = 15;

/// The source pixels and weights of each output pixel along one axis. All outputs have the same
/// number of taps (weights of zero fill up), so that the inner loops have no conditions.
struct FilterTaps {
    uint32_t taps = 0;
    std::vector<uint32_t> first;   // source index of each output's first tap
    std::vector<float> weights;    // taps per output
    std::vector<int16_t> negated;  // the same in fixed point, below zero: int16_t holds -1, not 1

    /// Triangle filter whose support grows with the reduction, weights normalised, pixels outside
    /// of [0, source_size) left out: Pillow's BILINEAR. Reads [start, start + length).
    void build(double start, double length, uint32_t source_size, uint32_t output_size,
               bool reverse);

  private:
    void fill_negated();
};

class Resampler {
  public:
    /// `box` counts pixels of `source`, stored orientation; writes image number `index` of the
    /// output.
    void run(const PlanarImage& source, const Box& box, const Orientation& orientation,
             const OutputSpec& output, size_t index);

  private:
    FilterTaps columns_;
    FilterTaps rows_;
    AlignedBuffer<int16_t> blended_;   // rows at their new height: [rows_at_once][source width]
    AlignedBuffer<float> transposed_;  // [source width][rows_at_once]
    AlignedBuffer<float> resized_;     // [rows_at_once][width]
};

}  // namespace pcr
