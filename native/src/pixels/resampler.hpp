// Antialiased resizing of a crop, with orientation, flip and normalisation, into its place of a
// batch.
#pragma once

#include <cstdint>

#include "memory/aligned_buffer.hpp"
#include "pcr/output_spec.hpp"
#include "pixels/column_taps.hpp"
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

class Resampler {
  public:
    /// `box` counts pixels of `source`, stored orientation; writes image number `index` of the
    /// output.
    void run(const PlanarImage& source, const Box& box, const Orientation& orientation,
             const OutputSpec& output, size_t index);

  private:
    ColumnTaps columns_;
    FilterTaps rows_;
    AlignedBuffer<int16_t> blended_;  // some rows of the output, as wide as the source
    AlignedBuffer<float> resized_;    // a row of the output
};

}  // namespace pcr
