// From coefficients to pixels, for just one region: inverse DCT, chroma upsampling, colour
// conversion.
#pragma once

#include <array>

#include "entropy/coefficient_store.hpp"
#include "jpeg/block_rows.hpp"
#include "jpeg/frame.hpp"
#include "pixels/dc_surface.hpp"
#include "pixels/planar_image.hpp"

namespace pcr {

/// Equal, pixel for pixel, to the same region of a whole decode by libjpeg-turbo with its defaults
/// (ISLOW, fancy upsampling) and without block smoothing, unless there are components of which
/// only DC is known and these are to be smooth. Keeps its memory between images.
class Reconstructor {
  public:
    /// `scale` is 1, 2, 4 or 8; `region` counts pixels of the picture at that scale; an empty one
    /// stands for all of it. False where the sampling factors are none that libjpeg upsamples.
    bool run(const Frame& frame, const CoefficientStore& coefficients, int scale, bool smooth,
             Region region, PlanarImage& out);

    /// Which rows of blocks of each component `run` reads; all of them where it returns false.
    static BlockRows block_rows(const Frame& frame, int scale, bool smooth, const Region& region);

    void trim(size_t keep_bytes);

  private:
    /// The samples of one component that the region needs.
    struct Samples {
        int block_size = 8;     // output samples per side of a block
        uint32_t expand_x = 1;  // pixels per sample
        uint32_t expand_y = 1;
        bool fancy_x = false;
        bool fancy_y = false;
        uint32_t width = 0;  // of the whole component
        uint32_t height = 0;
        Region window;  // of the samples that were transformed
        size_t stride = 0;
        AlignedBuffer<uint8_t> pixels;
        AlignedBuffer<uint8_t> upsampled_row;
        AlignedBuffer<uint16_t> sums;

        const uint8_t* row(uint32_t y) const { return pixels.data() + (y - window.y0) * stride; }
    };

    static bool plan(const Frame& frame, int component, int min_size, const Region& region,
                     Samples& samples);
    void transform(const Component& component, const CoefficientPlane& plane, bool smooth,
                   Samples& samples);
    static const uint8_t* upsample_row(Samples& samples, uint32_t y, const Region& region);
    static const uint8_t* replicate_row(Samples& samples, const uint8_t* row, const Region& region);

    std::array<Samples, kMaxComponents> samples_;
    DcSurface surface_;
};

/// Size of the whole picture at a scale, as libjpeg rounds it.
inline uint32_t scaled_size(uint32_t size, int scale) {
    return (size + static_cast<uint32_t>(scale) - 1) / static_cast<uint32_t>(scale);
}

}  // namespace pcr
