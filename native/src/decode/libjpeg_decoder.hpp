// The reference decoder: libjpeg-turbo, with the same results as the native one.
#pragma once

#include <vector>

#include "jpeg/libjpeg.hpp"
#include "pcr/test_support.hpp"
#include "pixels/planar_image.hpp"

namespace pcr {

/// One image in libjpeg's hands, its header read. Damage is patched up as libjpeg does it.
class LibjpegImage {
  public:
    /// Throws FormatError where libjpeg finds no image, or one beyond the limits.
    LibjpegImage(ByteSpan jpeg, int64_t max_pixels);

    uint32_t width() const { return info_.image_width; }
    uint32_t height() const { return info_.image_height; }

    /// Decodes the part of the picture in `region`, in pixels of the output at 1/`scale` (1, 2, 4
    /// or 8), equal to the same part of a whole decode. An empty region stands for the whole
    /// picture. At most one call. Throws FormatError.
    void decode(int scale, bool block_smoothing, Region region, PlanarImage& out);

    /// Instead of decode(): the coefficients of all components. Throws FormatError.
    std::vector<ComponentCoefficients> coefficients();

  private:
    int choose_output_space();
    uint32_t crop_columns(const Region& region);
    void start(int scale, bool block_smoothing);

    JpegErrors errors_{JpegWarnings::kIgnored};
    jpeg_progress_mgr progress_{};
    JpegDecompressor info_{errors_};
};

}  // namespace pcr
