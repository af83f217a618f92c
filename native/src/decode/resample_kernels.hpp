// The inner loops of resizing; eight output rows are made at a time.
#pragma once

#include <cstdint>

#include "pcr/decode/batch.hpp"
#include "resampler.hpp"

namespace pcr::decode {

inline constexpr uint32_t kRowsAtOnce = 8;

struct ResampleKernels {
  /// Weighs source rows: out[x * 8 + j] is column x of output row j. Fewer than eight spans leave the rest 0. Columns are
  /// done in eights: up to seven more than `width` are read and written.
  void (*blend_rows)(const uint8_t* plane, size_t stride, uint32_t width, const FilterTaps& taps,
                     uint32_t first_row, uint32_t rows, float* out);
  /// Weighs columns of what blend_rows made: out[j * out_stride + x].
  void (*blend_columns)(const float* in, const FilterTaps& taps, float* out, size_t out_stride);
  /// value * scale + bias, in the output's type, `step` elements apart.
  void (*store_row)(const float* values, uint32_t count, float scale, float bias, DType dtype,
                    uint8_t* out, size_t step);
};

const ResampleKernels& resample_kernels();

size_t element_size(DType dtype);

}  // namespace pcr::decode
