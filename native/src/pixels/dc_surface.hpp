// Components of which nothing but DC is known: a smooth surface through the means of their blocks.
//
// Without AC coefficients an inverse DCT gives flat blocks. libjpeg hides these by a guess at AC
// coefficients from the DC around a block, which then has to be transformed. This interpolates the
// samples themselves, by Catmull-Rom splines along both axes (Keys, "Cubic convolution
// interpolation for digital image processing", 1981, a = -1/2), which costs less.
#pragma once

#include <array>
#include <cstdint>

#include "entropy/coefficient_store.hpp"
#include "jpeg/frame.hpp"
#include "memory/aligned_buffer.hpp"
#include "pixels/planar_image.hpp"

namespace pcr {

/// Weights of a block and the two on each side of it, scaled by 2^13; [neighbour][sample].
using SurfaceWeights = std::array<std::array<int16_t, 8>, 5>;

struct SurfaceKernels {
    void (*dequantise)(const int16_t* dc, int quant, uint32_t count, int16_t* out);
    /// A row of samples at the middles of blocks: the weighted sums of four rows of DC, in 1/16 of
    /// a sample's step, with an offset that makes samples of them by a mere shift. Rows are read
    /// and written in steps of 16 values.
    void (*blend_rows)(const int16_t* const rows[4], const int16_t weights[4], uint32_t count,
                       int16_t* out);
    /// `count` blocks of `size` samples each, with that size's weights. Reads from blended[-2] to
    /// blended[count + 16], and writes up to 31 samples more than the blocks have.
    void (*expand)(const int16_t* blended, uint32_t count, int size, const SurfaceWeights& weights,
                   uint8_t* out);
};

const SurfaceKernels& surface_kernels();

/// Keeps its memory between images.
class DcSurface {
  public:
    static constexpr uint32_t kMargin = 2;  // blocks on each side that a spline reaches

    /// Writes the samples of `window`, whole blocks of `size` (8, 4 or 2) per side. Blocks beyond
    /// the picture's edge count as copies of those at the edge.
    void run(const Component& component, const CoefficientPlane& plane, int size,
             const Region& window, uint8_t* out, size_t stride);

  private:
    void dequantise(const Component& component, const CoefficientPlane& plane,
                    const Region& blocks);

    size_t row_values_ = 0;
    AlignedBuffer<int16_t> dc_;  // of the window's blocks, two more on each side
    AlignedBuffer<int16_t> blended_;
};

}  // namespace pcr
