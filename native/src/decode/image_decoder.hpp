// One thread's workspace: decodes one image after another, native or by libjpeg.
#pragma once

#include "decode/stage_clock.hpp"
#include "entropy/entropy_decoder.hpp"
#include "pcr/decode_pool.hpp"
#include "pixels/planar_image.hpp"
#include "pixels/reconstructor.hpp"
#include "pixels/resampler.hpp"

namespace pcr {

class ImageDecoder {
  public:
    /// Writes the item's crop as image number `index`. Throws FormatError.
    void decode_item(const BatchItem& item, const OutputSpec& output, const DecodeOptions& options,
                     size_t index);

    /// A region of the picture at 1/`scale`, an empty one for all of it; stored orientation, no
    /// resizing. Throws FormatError, std::invalid_argument for a region outside of the picture.
    const PlanarImage& decode_region(ByteSpan jpeg, const DecodeOptions& options, int scale,
                                     const Region& region);

    const StageClocks& clocks() const { return clocks_; }

  private:
    struct Crop {
        int scale = 1;
        Region region;  // scaled pixels that are needed, stored orientation
        Box box;        // in pixels of the region
    };

    /// Whether the native decoder has the image's coefficients now; else it is libjpeg's.
    bool decode_natively(ByteSpan jpeg, const DecodeOptions& options,
                         const std::function<BlockRows(const Frame&)>& needed = {});

    static Crop plan_crop(const BatchItem& item, const OutputSpec& output,
                          const DecodeOptions& options, uint32_t width, uint32_t height);
    void trim();

    EntropyDecoder entropy_;
    Reconstructor reconstructor_;
    Resampler resampler_;
    PlanarImage image_;
    StageClocks clocks_;
};

}  // namespace pcr
