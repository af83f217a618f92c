#include "pcr/msssim.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

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
    for (size_t i = 0; i < exact.size(); ++i) {
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

/// A row of 2x2 averages; an odd width repeats its last column.
template <typename Row>
Line halved(const Row& upper, const Row& lower) {
    const Index width = upper.cols();
    Line half((width + 1) / 2);
    for (Index x = 0; x < width / 2; ++x) {
        half(x) = (upper(2 * x) + upper(2 * x + 1) + lower(2 * x) + lower(2 * x + 1)) / 4;
    }
    if (width % 2 != 0) half(half.cols() - 1) = (upper(width - 1) + lower(width - 1)) / 2;
    return half;
}

/// One scale of a pair of images a and b, of which it sees the rows of a + b and of a - b one by
/// one and keeps those under the window, so that an image of any size needs little memory
/// and stays in the cache.
///
/// SSIM needs only the local means and variances of sum and difference: 4 mean_a mean_b =
/// mean_s^2 - mean_d^2, 2 (mean_a^2 + mean_b^2) = mean_s^2 + mean_d^2, and the same with
/// (co)variances. That is four filters instead of five, and equal images give exactly 1.
class Scale {
  public:
    explicit Scale(Index width)
        : sum_(width), difference_(width), vertical_(width), contrast_structure_(width - kMargin) {}

    void push(const Line& sum, const Line& difference) {
        sum_.push(rows_, sum);
        difference_.push(rows_, difference);
        ++rows_;
        if (rows_ >= kWindow) compare();
    }

    /// Passes the last two rows on, or the last one twice.
    void push_half_to(Scale& next, bool last_row_twice) const {
        const Index lower = (rows_ - 1) % kWindow;
        const Index upper = last_row_twice ? lower : (rows_ - 2) % kWindow;
        next.push(halved(sum_.rows.row(upper), sum_.rows.row(lower)),
                  halved(difference_.rows.row(upper), difference_.rows.row(lower)));
    }

    Index rows() const { return rows_; }
    double mean_contrast_structure() const { return contrast_structure_sum_ / positions(); }
    double mean_ssim() const { return ssim_sum_ / positions(); }

  private:
    static constexpr Index kMargin = kWindow - 1;

    /// The last rows of one signal, its squares, and the moments under the window.
    struct Signal {
        explicit Signal(Index width)
            : rows(kWindow, width),
              squares(kWindow, width),
              squared_mean(width - kMargin),
              variance(width - kMargin) {}

        void push(Index y, const Line& line) {
            rows.row(y % kWindow) = line;
            squares.row(y % kWindow) = line.square();
        }

        Plane rows, squares;
        Line squared_mean, variance;
    };

    void compare() {
        measure(sum_);
        measure(difference_);
        const auto &mean_s = sum_.squared_mean, &mean_d = difference_.squared_mean;
        const auto &var_s = sum_.variance, &var_d = difference_.variance;
        contrast_structure_ = (var_s - var_d + 2 * kC2) / (var_s + var_d + 2 * kC2);
        contrast_structure_sum_ += contrast_structure_.sum();
        const auto luminance = (mean_s - mean_d + 2 * kC1) / (mean_s + mean_d + 2 * kC1);
        ssim_sum_ += (contrast_structure_ * luminance).sum();
    }

    void measure(Signal& signal) {
        const Index width = contrast_structure_.cols();
        const auto horizontally = [&](Index i) { return vertical_.segment(i, width); };
        const auto window_row = [&](Index i) { return (rows_ + i) % kWindow; };
        vertical_ = gaussian([&](Index i) { return signal.rows.row(window_row(i)); });
        signal.squared_mean = gaussian(horizontally).square();
        vertical_ = gaussian([&](Index i) { return signal.squares.row(window_row(i)); });
        signal.variance = gaussian(horizontally) - signal.squared_mean;
    }

    double positions() const {
        return static_cast<double>(rows_ - kMargin) *
               static_cast<double>(contrast_structure_.cols());
    }

    Signal sum_, difference_;
    Line vertical_, contrast_structure_;
    Index rows_ = 0;
    double contrast_structure_sum_ = 0, ssim_sum_ = 0;
};

/// The scales of a pair of images, the largest first.
class Pyramid {
  public:
    Pyramid(Index width, size_t scales) {
        for (; scales_.size() < scales; width = (width + 1) / 2) scales_.emplace_back(width);
    }

    void push(const Line& sum, const Line& difference) {
        scales_.front().push(sum, difference);
        pass_pairs_on(1);
    }

    /// To be called after the last row: an odd height repeats it.
    void finish() {
        for (size_t i = 1; i < scales_.size(); ++i) {
            if (scales_[i - 1].rows() % 2 != 0) {
                scales_[i - 1].push_half_to(scales_[i], true);
                pass_pairs_on(i + 1);
            }
        }
    }

    double ms_ssim() const {
        const auto weights_sum = [](size_t n) {
            return std::accumulate(kScaleWeights.begin(), kScaleWeights.begin() + n, 0.0);
        };
        const double enlarged = weights_sum(kScaleWeights.size()) / weights_sum(scales_.size());
        double result = 1;
        for (size_t i = 0; i < scales_.size(); ++i) {
            const bool last = i + 1 == scales_.size();
            const double term =
                last ? scales_[i].mean_ssim() : scales_[i].mean_contrast_structure();
            result *= std::pow(std::max(term, 0.0), kScaleWeights[i] * enlarged);
        }
        return result;
    }

  private:
    /// Feeds the scales from `i` on with what the new row before them completed.
    void pass_pairs_on(size_t i) {
        for (; i < scales_.size() && scales_[i - 1].rows() % 2 == 0; ++i) {
            scales_[i - 1].push_half_to(scales_[i], false);
        }
    }

    std::vector<Scale> scales_;
};

size_t scales_that_fit(Index smaller_side) {
    size_t scales = 1;
    while (scales < kScaleWeights.size() && smaller_side >= kWindow << scales) ++scales;
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
    if (a.size() == 0) throw std::invalid_argument("MS-SSIM of an empty image");
    const Index height = std::max(a.rows(), kWindow), width = std::max(a.cols(), kWindow);
    Pyramid pyramid(width, scales_that_fit(std::min(a.rows(), a.cols())));
    Line sum(width), difference(width);
    for (Index y = 0; y < height; ++y) {
        const Index row = std::min(y, a.rows() - 1);
        const auto first = a.row(row).cast<float>().array(),
                   second = b.row(row).cast<float>().array();
        sum.head(a.cols()) = first + second;
        sum.tail(width - a.cols()) = sum(a.cols() - 1);
        difference.head(a.cols()) = first - second;
        difference.tail(width - a.cols()) = difference(a.cols() - 1);
        pyramid.push(sum, difference);
    }
    pyramid.finish();
    return pyramid.ms_ssim();
}

}  // namespace pcr
