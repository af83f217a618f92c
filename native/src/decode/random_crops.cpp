#include "pcr/random_crops.hpp"

#include <algorithm>
#include <cmath>

#include "pcr/random_numbers.hpp"

namespace pcr {
namespace {

constexpr int kAttempts = 10;
enum Stream : uint64_t { kFlips, kCrops };  // one stream of random numbers for each purpose

Box make_box(double x0, double y0, double width, double height) {
    return {static_cast<float>(x0), static_cast<float>(y0), static_cast<float>(width),
            static_cast<float>(height)};
}

Box central_box(double width, double height, const RandomCropSpec& spec) {
    const double w = std::min(width, std::max(std::rint(height * spec.ratio[1]), 1.0));
    const double h = std::min(height, std::max(std::rint(width / spec.ratio[0]), 1.0));
    return make_box(std::floor((width - w) / 2), std::floor((height - h) / 2), w, h);
}

Box draw_box(double width, double height, const Uniforms& draws, const RandomCropSpec& spec) {
    const double low = std::log(spec.ratio[0]);
    const double high = std::log(spec.ratio[1]);
    for (int i = 0; i < kAttempts; ++i) {
        const double share = spec.scale[0] + draws[i] * (spec.scale[1] - spec.scale[0]);
        const double area = width * height * share;
        const double aspect = std::exp(low + draws[kAttempts + i] * (high - low));
        const double w = std::rint(std::sqrt(area * aspect));
        const double h = std::rint(std::sqrt(area / aspect));
        if (w <= 0 || h <= 0 || w > width || h > height) continue;
        return make_box(std::floor(draws[2 * kAttempts] * (width - w + 1)),
                        std::floor(draws[2 * kAttempts + 1] * (height - h + 1)), w, h);
    }
    return central_box(width, height, spec);
}

}  // namespace

RandomCrop draw_random_crop(const PictureSize& size, uint64_t key, const RandomCropSpec& spec) {
    const Box box = draw_box(size.width, size.height, Uniforms(key, kCrops), spec);
    return {box, Uniforms(key, kFlips)[0] < spec.flip};
}

}  // namespace pcr
