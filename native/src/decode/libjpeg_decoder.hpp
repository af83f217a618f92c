// The reference decoder: libjpeg-turbo behind the same interface as the native one.
#pragma once

#include <memory>
#include <vector>

#include "jpeg/frame.hpp"
#include "pcr/test_support.hpp"
#include "pixels/planar_image.hpp"

namespace pcr {

/// One image in libjpeg's hands, its header read. Throws FormatError.
class LibjpegImage {
  public:
    LibjpegImage(ByteSpan jpeg, int64_t max_pixels);
    ~LibjpegImage();
    LibjpegImage(const LibjpegImage&) = delete;
    LibjpegImage& operator=(const LibjpegImage&) = delete;

    uint32_t width() const;
    uint32_t height() const;

    /// Decodes the part of the picture in `region`, in pixels of the output at 1/`scale` (1, 2, 4
    /// or 8), equal to the same part of a whole decode. An empty region stands for the whole
    /// picture. At most one call.
    void decode(int scale, bool block_smoothing, Region region, PlanarImage& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::vector<ComponentCoefficients> libjpeg_coefficients(ByteSpan jpeg, int64_t max_pixels);

}  // namespace pcr
