// The inner loops of resizing: a row of the output is blended from rows, then from columns.
#pragma once

#include <cstdint>

#include "pcr/output_spec.hpp"
#include "pixels/column_taps.hpp"

namespace pcr {

/// Blended rows are fixed point with this many fractional bits.
inline constexpr int kBlendBits = 7;

/// Up to so many columns after a row are read and written too.
inline constexpr uint32_t kColumnPadding = 32;

/// `blend_columns` stores whole vectors, of at most so many values.
inline constexpr uint32_t kColumnsAtOnce = 16;

struct ResampleKernels {
    /// Weighs `taps` rows of samples that lie `stride` apart by FilterTaps::negated.
    void (*blend_row)(const uint8_t* rows, size_t stride, uint32_t width, const int16_t* weights,
                      uint32_t taps, int16_t* out);
    /// Weighs the columns of a blended row. Stores sum * scale + bias; sums have kBlendBits +
    /// kWeightBits fractional bits.
    void (*blend_columns)(const int16_t* in, const ColumnTaps& columns, float scale, float bias,
                          float* out);
    /// The values in the output's type, `step` elements apart.
    void (*store_row)(const float* values, uint32_t count, DType dtype, uint8_t* out, size_t step);
};

const ResampleKernels& resample_kernels();

}  // namespace pcr
