#include "pixels/reconstructor.hpp"

#include <algorithm>
#include <cstring>

#include "pixels/color.hpp"
#include "pixels/idct.hpp"

namespace pcr {
namespace {

uint32_t divide_up(uint64_t a, uint64_t b) { return static_cast<uint32_t>((a + b - 1) / b); }

}  // namespace

bool Reconstructor::run(const Frame& frame, const CoefficientStore& coefficients, int scale,
                        bool smooth, Region region, PlanarImage& out) {
    if (frame.num_components == 2) return false;
    if (region.width() == 0) {
        region = {0, 0, scaled_size(frame.width, scale), scaled_size(frame.height, scale)};
    }
    const int min_size = 8 / scale;
    for (int c = 0; c < frame.num_components; ++c) {
        if (!plan(frame, c, min_size, region, samples_[c])) return false;
    }
    for (int c = 0; c < frame.num_components; ++c) {
        transform(frame.components[c], coefficients.plane(c), smooth, samples_[c]);
    }
    const bool gray = frame.color == ColorSpace::kGrayscale;
    out.reset(gray ? 1 : 3, region.width(), region.height());
    const ColorKernels& kernels = color_kernels();
    for (uint32_t y = region.y0; y < region.y1; ++y) {
        const uint8_t* in[kMaxComponents] = {};
        for (int c = 0; c < frame.num_components; ++c) in[c] = upsample_row(samples_[c], y, region);
        const uint32_t line = y - region.y0;
        if (gray) {
            std::memcpy(out.row(0, line), in[0], region.width());
            continue;
        }
        uint8_t* const rgb[3] = {out.row(0, line), out.row(1, line), out.row(2, line)};
        if (frame.color == ColorSpace::kYCbCr) {
            kernels.ycbcr_to_rgb(in, region.width(), rgb);
        } else if (frame.color == ColorSpace::kYCCK) {
            // libjpeg turns YCCK into CMYK by inverting the RGB; Pillow inverts all four again.
            kernels.ycbcr_to_rgb(in, region.width(), rgb);
            for (uint8_t* plane : rgb) {
                for (uint32_t x = 0; x < region.width(); ++x) {
                    plane[x] = static_cast<uint8_t>(~plane[x]);
                }
            }
            const uint8_t* const cmyk[4] = {rgb[0], rgb[1], rgb[2], in[3]};
            inverted_cmyk_planes_to_rgb(cmyk, region.width(), rgb);
        } else if (frame.color == ColorSpace::kCMYK) {
            inverted_cmyk_planes_to_rgb(in, region.width(), rgb);
        } else {
            for (int c = 0; c < 3; ++c) std::memcpy(rgb[c], in[c], region.width());
        }
    }
    return true;
}

BlockRows Reconstructor::block_rows(const Frame& frame, int scale, bool smooth,
                                    const Region& region) {
    BlockRows rows{};
    for (int c = 0; c < frame.num_components; ++c) {
        const uint32_t all = frame.components[c].height_in_blocks;
        Samples samples;
        rows[c] = {0, all};
        if (!plan(frame, c, 8 / scale, region, samples)) continue;
        const uint32_t margin = smooth ? DcSurface::kMargin : 0;
        const auto size = static_cast<uint32_t>(samples.block_size);
        rows[c].begin = samples.window.y0 / size;
        rows[c].begin -= std::min(rows[c].begin, margin);
        rows[c].end = std::min(samples.window.y1 / size + margin, all);
    }
    return rows;
}

/// Which samples of the component the region needs, and how they become pixels (libjpeg's
/// jpeg_calc_output_dimensions and jinit_upsampler).
bool Reconstructor::plan(const Frame& frame, int index, int min_size, const Region& region,
                         Samples& s) {
    const Component& component = frame.components[index];
    const int full_x = frame.max_h * min_size;
    const int full_y = frame.max_v * min_size;
    s.block_size = min_size;
    while (s.block_size < 8 && full_x % (component.h * s.block_size * 2) == 0 &&
           full_y % (component.v * s.block_size * 2) == 0) {
        s.block_size *= 2;  // chroma is scaled up by its transform rather than by upsampling
    }
    const int own_x = component.h * s.block_size;
    const int own_y = component.v * s.block_size;
    if (full_x % own_x != 0 || full_y % own_y != 0) return false;
    s.expand_x = static_cast<uint32_t>(full_x / own_x);
    s.expand_y = static_cast<uint32_t>(full_y / own_y);
    s.width = divide_up(uint64_t{frame.width} * own_x, 8u * frame.max_h);
    s.height = divide_up(uint64_t{frame.height} * own_y, 8u * frame.max_v);
    const bool fancy = min_size > 1;
    s.fancy_x = fancy && s.expand_x == 2 && s.expand_y <= 2 && s.width > 2;
    s.fancy_y = fancy && s.expand_y == 2 && (s.expand_x == 1 || s.fancy_x);

    // One sample more on each side for the neighbours, out to whole blocks.
    const auto size = static_cast<uint32_t>(s.block_size);
    const uint32_t left = region.x0 / s.expand_x, right = (region.x1 - 1) / s.expand_x;
    const uint32_t top = region.y0 / s.expand_y, bottom = (region.y1 - 1) / s.expand_y;
    s.window.x0 = (left - std::min(left, 1u)) / size * size;
    s.window.y0 = (top - std::min(top, 1u)) / size * size;
    s.window.x1 = (std::min(right + 1, s.width - 1) / size + 1) * size;
    s.window.y1 = (std::min(bottom + 1, s.height - 1) / size + 1) * size;
    return true;
}

void Reconstructor::transform(const Component& component, const CoefficientPlane& plane,
                              bool smooth, Samples& s) {
    const auto size = static_cast<uint32_t>(s.block_size);
    const uint32_t first_column = s.window.x0 / size;
    const uint32_t columns = s.window.width() / size;
    s.stride = size_t{divide_up(columns, kBlocksAtOnce)} * kBlocksAtOnce * size + 32;
    uint8_t* out = s.pixels.ensure(s.stride * s.window.height() + 64);
    if (smooth && !component.has_ac && s.block_size > 1) {
        surface_.run(component, plane, s.block_size, s.window, out, s.stride);
        return;
    }
    const IdctRow idct = idct_kernels().of_size(s.block_size);
    for (uint32_t row = s.window.y0 / size; row < s.window.y1 / size; ++row) {
        const size_t block = row * plane.stride + first_column;
        const BlockRun run = {plane.dc + block, plane.ac + block * 64, plane.nonzero + block,
                              columns};
        idct(run, component.quant, out, s.stride);
        out += s.stride * size;
    }
}

/// Samples of picture row y for the region's columns.
const uint8_t* Reconstructor::upsample_row(Samples& s, uint32_t y, const Region& region) {
    const uint32_t near = y / s.expand_y;
    const uint8_t* row = s.row(near);
    if (!s.fancy_x && !s.fancy_y) {
        if (s.expand_x == 1) return row + (region.x0 - s.window.x0);
        return replicate_row(s, row, region);
    }
    const bool upper = y % 2 == 0;  // nearer to the row above
    const uint32_t far = !s.fancy_y ? near
                         : upper    ? near - std::min(near, 1u)
                                    : std::min(near + 1, s.height - 1);
    const uint32_t left = region.x0 / s.expand_x;
    const uint32_t count = (region.x1 - 1) / s.expand_x + 1 - left;
    constexpr size_t kMargin = 32;  // a neighbour on each side, and kernels work in steps of 32
    uint16_t* sums = s.sums.ensure(count + 2 * kMargin) + kMargin;
    uint8_t* out = s.upsampled_row.ensure(2 * size_t{count} + 64);
    const uint8_t* far_row = s.row(far);
    const uint32_t offset = left - s.window.x0;
    const ColorKernels& kernels = color_kernels();

    // Columns outside of the picture repeat its edge.
    const auto sum_at = [&](uint32_t x) {
        const uint32_t i = x - s.window.x0;
        return static_cast<uint16_t>(s.fancy_y ? 3 * row[i] + far_row[i] : row[i]);
    };
    if (s.fancy_y) {
        kernels.blend_rows(row + offset, far_row + offset, count, sums);
    } else {
        std::copy_n(row + offset, count, sums);
    }
    if (!s.fancy_x) {  // h1v2
        for (uint32_t x = 0; x < count; ++x) {
            out[x] = static_cast<uint8_t>((sums[x] + (upper ? 1 : 2)) >> 2);
        }
        return out;
    }
    sums[-1] = sum_at(left - std::min(left, 1u));
    sums[count] = sum_at(std::min(left + count, s.width - 1));
    if (s.fancy_y) {
        kernels.expand_columns(sums, count, 8, 7, 4, out);
    } else {
        kernels.expand_columns(sums, count, 1, 2, 2, out);
    }
    return out + region.x0 % 2;
}

const uint8_t* Reconstructor::replicate_row(Samples& s, const uint8_t* row, const Region& region) {
    uint8_t* out = s.upsampled_row.ensure(size_t{region.width()} + 64);
    for (uint32_t x = region.x0; x < region.x1; ++x) {
        out[x - region.x0] = row[x / s.expand_x - s.window.x0];
    }
    return out;
}

void Reconstructor::trim(size_t keep_bytes) {
    for (Samples& s : samples_) {
        if (s.pixels.capacity_bytes() > keep_bytes) s.pixels.release();
    }
}

}  // namespace pcr
