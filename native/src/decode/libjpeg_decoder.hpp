// The reference decoder: libjpeg-turbo behind the same interface as the native one.
#pragma once

#include <array>
#include <vector>

#include "pcr/decode/frame.hpp"
#include "planar_image.hpp"

namespace pcr::decode {

struct LibjpegOptions {
  int scale = 1;  // 1, 2, 4 or 8: the output is that much smaller
  bool block_smoothing = false;
  int64_t max_pixels = kDefaultMaxPixels;
};

/// The part of the decoded picture in `region` (in pixels of the scaled output), equal to the same part of a
/// whole decode. An empty region (the default) stands for the whole picture. Throws DecodeError.
void libjpeg_decode(Bytes jpeg, const LibjpegOptions& options, const Region& region,
                    PlanarImage& out);

/// Quantised coefficients of one component: blocks in rows, 64 values each in natural order.
struct ComponentCoefficients {
  uint32_t width_in_blocks = 0;
  uint32_t height_in_blocks = 0;
  std::vector<int16_t> values;
};

std::vector<ComponentCoefficients> libjpeg_coefficients(Bytes jpeg, int64_t max_pixels);

}  // namespace pcr::decode
