// The inner loops of resizing; eight output rows are made at a time.
#pragma once

#include <cstdint>

#include "pcr/decode/batch.hpp"
#include "resampler.hpp"

namespace pcr::decode {

inline constexpr uint32_t kRowsAtOnce = 8;

/// Columns are done in eights: up to seven more than `width` are read and written.
struct ResampleKernels {
    /// Weighs `taps` rows of samples that lie `stride` apart.
    void (*blend_row)(const uint8_t* rows, size_t stride, uint32_t width, const float* weights,
                      uint32_t taps, float* out);
    /// Eight rows to columns: out[x * 8 + j] = rows[j * stride + x].
    void (*transpose)(const float* rows, size_t stride, uint32_t width, float* out);
    /// Weighs columns of a transposed group of rows: out[j * out_stride + x].
    void (*blend_columns)(const float* in, const FilterTaps& taps, float* out, size_t out_stride);
    /// value * scale + bias, in the output's type, `step` elements apart.
    void (*store_row)(const float* values, uint32_t count, float scale, float bias, DType dtype,
                      uint8_t* out, size_t step);
};

const ResampleKernels& resample_kernels();

size_t element_size(DType dtype);

}  // namespace pcr::decode
