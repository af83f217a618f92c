#include "pcr/msssim.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace pcr {
namespace {

using Eigen::Index;
using Plane = Eigen::Array<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Line = Eigen::Array<float, 1, Eigen::Dynamic>;

constexpr Index kWindow = 11;
constexpr std::array<double, 5> kScaleWeights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
constexpr float kC1 = (0.01f * 255) * (0.01f * 255);
constexpr float kC2 = (0.03f * 255) * (0.03f * 255);

/// The centre and one side of the normalised Gaussian window: weight[i] is i pixels off the centre.
std::array<float, kWindow / 2 + 1> gaussian_weights() {
    constexpr double kSigma = 1.5;
    std::array<double, kWindow / 2 + 1> exact;
    double sum = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
        exact[i] = std::exp(-static_cast<double>(i * i) / (2 * kSigma * kSigma));
        sum += (i == 0 ? 1 : 2) * exact[i];
    }
    std::array<float, kWindow / 2 + 1> weights;
    std::transform(exact.begin(), exact.end(), weights.begin(),
                   [sum](double weight) { return static_cast<float>(weight / sum); });
    return weights;
}

/// The weighted sum of eleven lines, of which `tap(i)` gives the i-th: an Eigen expression, so that
/// the compiler makes one vector loop of it.
template <typename Tap>
auto gaussian(const Tap& tap) {
    static const auto w = gaussian_weights();
    return w[5] * (tap(0) + tap(10)) + w[4] * (tap(1) + tap(9)) + w[3] * (tap(2) + tap(8)) +
           w[2] * (tap(3) + tap(7)) + w[1] * (tap(4) + tap(6)) + w[0] * tap(5);
}

/// Two images a and b as a + b and a - b. SSIM needs only their local means and variances:
/// 4 mean_a mean_b = mean2_s^2 - mean2_d^2, 2 (mean_a^2 + mean_b^2) = mean2_s^2 + mean2_d^2, and
/// the same with (co)variances. Four filters instead of five, and equal images give exactly 1.
struct Pair {
    Plane sum;
    Plane difference;
};

/// Averages over an image.
struct Similarity {
    double contrast_structure = 0;
    double ssim = 0;
};

Similarity similarity(const Pair& pair) {
    const Index height = pair.sum.rows() - kWindow + 1;
    const Index width = pair.sum.cols() - kWindow + 1;
    Line vertical(pair.sum.cols()), mean2_s(width), mean2_d(width), var_s(width), var_d(width);
    Line contrast_structure(width);
    const auto horizontally = [&](Index i) { return vertical.segment(i, width); };
    const auto moments = [&](const Plane& plane, Index y, Line& mean2, Line& variance) {
        vertical = gaussian([&](Index i) { return plane.row(y + i); });
        mean2 = gaussian(horizontally).square();
        vertical = gaussian([&](Index i) { return plane.row(y + i).square(); });
        variance = gaussian(horizontally) - mean2;
    };
    Similarity total;
    for (Index y = 0; y < height; ++y) {
        moments(pair.sum, y, mean2_s, var_s);
        moments(pair.difference, y, mean2_d, var_d);
        contrast_structure = (var_s - var_d + 2 * kC2) / (var_s + var_d + 2 * kC2);
        total.contrast_structure += contrast_structure.sum();
        total.ssim +=
            (contrast_structure * (mean2_s - mean2_d + 2 * kC1) / (mean2_s + mean2_d + 2 * kC1))
                .sum();
    }
    const double pixels = static_cast<double>(height) * static_cast<double>(width);
    return {total.contrast_structure / pixels, total.ssim / pixels};
}

Plane halved(const Plane& plane) {
    Plane half((plane.rows() + 1) / 2, (plane.cols() + 1) / 2);
    for (Index y = 0; y < half.rows(); ++y) {
        const auto upper = plane.row(2 * y);
        const auto lower = plane.row(std::min(2 * y + 1, plane.rows() - 1));
        for (Index x = 0; x < half.cols(); ++x) {
            const Index right = std::min(2 * x + 1, plane.cols() - 1);
            half(y, x) = (upper(2 * x) + upper(right) + lower(2 * x) + lower(right)) / 4;
        }
    }
    return half;
}

/// `image` as a plane with sides of a window or more: the last row and column repeated where short.
template <typename Image>
Plane extended(const Image& image) {
    const Index rows = image.rows(), columns = image.cols();
    Plane plane(std::max(rows, kWindow), std::max(columns, kWindow));
    plane.topLeftCorner(rows, columns) = image;
    plane.topRightCorner(rows, plane.cols() - columns).colwise() =
        plane.col(columns - 1).head(rows);
    plane.bottomRows(plane.rows() - rows).rowwise() = plane.row(rows - 1);
    return plane;
}

std::size_t scales_that_fit(Index smaller_side) {
    std::size_t scales = 1;
    while (scales < kScaleWeights.size() && smaller_side >= kWindow << scales) {
        ++scales;
    }
    return scales;
}

}  // namespace

double ms_ssim(const Eigen::Ref<const GrayImage>& a, const Eigen::Ref<const GrayImage>& b) {
    if (a.rows() != b.rows() || a.cols() != b.cols()) {
        throw std::invalid_argument("MS-SSIM compares images of one size, not " +
                                    std::to_string(a.cols()) + "x" + std::to_string(a.rows()) +
                                    " with " + std::to_string(b.cols()) + "x" +
                                    std::to_string(b.rows()));
    }
    if (a.size() == 0) {
        throw std::invalid_argument("MS-SSIM of an empty image");
    }
    const auto first = a.cast<float>().array(), second = b.cast<float>().array();
    Pair pair{extended(first + second), extended(first - second)};
    const std::size_t scales = scales_that_fit(std::min(a.rows(), a.cols()));
    const auto weights_sum = [](std::size_t n) {
        return std::accumulate(kScaleWeights.begin(), kScaleWeights.begin() + n, 0.0);
    };
    const double enlarged = weights_sum(kScaleWeights.size()) / weights_sum(scales);
    double result = 1;
    for (std::size_t i = 0; i < scales; ++i) {
        const bool last = i + 1 == scales;
        const Similarity mean = similarity(pair);
        const double term = last ? mean.ssim : mean.contrast_structure;
        result *= std::pow(std::max(term, 0.0), kScaleWeights[i] * enlarged);
        if (!last) {
            pair = {halved(pair.sum), halved(pair.difference)};
        }
    }
    return result;
}

}  // namespace pcr
