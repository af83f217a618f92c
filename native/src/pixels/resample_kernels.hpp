// The inner loops of resizing; several output rows are made at a time.
#pragma once

#include <cstdint>

#include "pcr/output_spec.hpp"
#include "pixels/resampler.hpp"

namespace pcr {

/// Blended rows are fixed point with this many fractional bits.
inline constexpr int kBlendBits = 7;

/// Rows are done in steps of up to this many columns, and so many are read and written.
inline constexpr uint32_t kColumnsAtOnce = 32;

struct ResampleKernels {
    uint32_t rows_at_once;
    /// Weighs `taps` rows of samples that lie `stride` apart by FilterTaps::negated.
    void (*blend_row)(const uint8_t* rows, size_t stride, uint32_t width, const int16_t* weights,
                      uint32_t taps, int16_t* out);
    /// Rows to columns: out[x * rows_at_once + j] = rows[j * stride + x].
    void (*transpose)(const int16_t* rows, size_t stride, uint32_t width, float* out);
    /// Weighs columns of a transposed group of rows: out[j * out_stride + x].
    void (*blend_columns)(const float* in, const FilterTaps& taps, float* out, size_t out_stride);
    /// value * scale + bias, in the output's type, `step` elements apart.
    void (*store_row)(const float* values, uint32_t count, float scale, float bias, DType dtype,
                      uint8_t* out, size_t step);
};

const ResampleKernels& resample_kernels();

}  // namespace pcr
