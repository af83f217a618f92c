#include "pixels/dc_surface.hpp"

#include <algorithm>
#include <cstring>

#include "simd/isa.hpp"

namespace pcr {

#define PCR_KERNELS "pixels/dc_surface_kernels.inl"
#include "simd/kernel_variants.inl"

const SurfaceKernels& surface_kernels() { return select_kernels(); }

namespace {

constexpr uint32_t kMargin = DcSurface::kMargin;
constexpr size_t kSlack = 32;  // kernels work in steps of 16

/// Exact: a sample's distance from the middle of a block is a multiple of 1/16 block.
SurfaceWeights weights_of(int size) {
    SurfaceWeights weights{};
    for (int x = 0; x < size; ++x) {
        const int from_middle = (2 * x + 1 - size) * (8 / size);  // in 1/16 block
        const int first = from_middle < 0 ? 0 : 1;                // of four neighbours
        const int t = from_middle < 0 ? from_middle + 16 : from_middle;
        const int t2 = t * t, t3 = t2 * t;
        weights[first][x] = static_cast<int16_t>(-256 * t + 32 * t2 - t3);
        weights[first + 1][x] = static_cast<int16_t>(8192 - 80 * t2 + 3 * t3);
        weights[first + 2][x] = static_cast<int16_t>(256 * t + 64 * t2 - 3 * t3);
        weights[first + 3][x] = static_cast<int16_t>(-16 * t2 + t3);
    }
    return weights;
}

const SurfaceWeights& cached_weights(int size) {
    static const SurfaceWeights of_8 = weights_of(8), of_4 = weights_of(4), of_2 = weights_of(2);
    return size == 8 ? of_8 : size == 4 ? of_4 : of_2;
}

/// Position `margin_position` - kMargin, or the nearest one that a side of `size` has.
uint32_t clamped(uint32_t margin_position, uint32_t size) {
    return std::min(margin_position - std::min(margin_position, kMargin), size - 1);
}

}  // namespace

void DcSurface::run(const Component& component, const CoefficientPlane& plane, int size,
                    const Region& window, uint8_t* out, size_t stride) {
    const auto side = static_cast<uint32_t>(size);
    const Region blocks = {window.x0 / side, window.y0 / side, window.x1 / side, window.y1 / side};
    dequantise(component, plane, blocks);
    const SurfaceWeights& weights = cached_weights(size);
    const SurfaceKernels& kernels = surface_kernels();
    int16_t* blended = blended_.ensure(row_values_ + kSlack);
    for (uint32_t row = 0; row < blocks.height(); ++row) {
        for (uint32_t y = 0; y < side; ++y, out += stride) {
            const uint32_t first = y < side / 2 ? 0 : 1;
            const int16_t* rows[4];
            int16_t of_row[4];
            for (uint32_t i = 0; i < 4; ++i) {
                rows[i] = dc_.data() + (row + first + i) * row_values_;
                of_row[i] = weights[first + i][y];
            }
            kernels.blend_rows(rows, of_row, static_cast<uint32_t>(row_values_), blended);
            kernels.expand(blended + kMargin, blocks.width(), size, weights, out);
        }
    }
}

void DcSurface::dequantise(const Component& component, const CoefficientPlane& plane,
                           const Region& blocks) {
    row_values_ = blocks.width() + 2 * kMargin;
    const uint32_t rows = blocks.height() + 2 * kMargin;
    const SurfaceKernels& kernels = surface_kernels();
    int16_t* out = dc_.ensure(row_values_ * rows + kSlack);
    for (uint32_t y = 0; y < rows; ++y, out += row_values_) {
        const uint32_t row = clamped(blocks.y0 + y, component.height_in_blocks);
        const int16_t* dc = plane.dc + row * plane.stride;
        const int quant = component.quant[0];
        kernels.dequantise(dc + blocks.x0, quant, blocks.width(), out + kMargin);
        for (uint32_t x : {0u, 1u, blocks.width() + 2, blocks.width() + 3}) {
            const uint32_t column = clamped(blocks.x0 + x, component.width_in_blocks);
            kernels.dequantise(dc + column, quant, 1, out + x);
        }
    }
}

}  // namespace pcr
