// MS-SSIM: how similar two images look.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace pcr {

/// One 8-bit channel of an image, height x width, rows contiguous.
using GrayImage = Eigen::Matrix<uint8_t, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// Multi-scale structural similarity of two images of one size: 1 for equal images, never below 0.
///
/// Z. Wang, E. P. Simoncelli, A. C. Bovik, "Multi-scale structural similarity for image quality
/// assessment", Asilomar 2003: five scales with the published weights, an 11x11 Gaussian window of
/// sigma 1.5 kept inside the image, K1 = 0.01, K2 = 0.03, L = 255, and 2x2 averages from scale to
/// scale, where an odd side repeats its last row or column (as the authors' program does).
///
/// Where the paper is silent:
/// - A mean contrast-structure or SSIM term below 0 counts as 0, and so makes the result 0.
/// - n scales need a smaller side of 11 * 2^(n-1) pixels, five of them 176. A smaller image gets
///   the first scales that fit, their weights enlarged to the same sum.
/// - A side below 11 pixels is first extended to 11 by repeating its last row or column.
///
/// Throws std::invalid_argument if the sizes differ or an image is empty.
double ms_ssim(const Eigen::Ref<const GrayImage>& a, const Eigen::Ref<const GrayImage>& b);

}  // namespace pcr
