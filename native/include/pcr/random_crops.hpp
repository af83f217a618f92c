// Random windows and flips, of training.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pcr/header.hpp"
#include "pcr/output_spec.hpp"

namespace pcr {

struct RandomCropSpec {
    std::array<double, 2> scale;  // least and greatest share of the image's area
    std::array<double, 2> ratio;  // least and greatest width / height
    double flip;                  // probability
};

struct RandomCrop {
    Box box;  // whole pixels
    bool flip;
};

/// What torchvision's RandomResizedCrop and RandomHorizontalFlip would draw: ten attempts at an
/// area and an aspect ratio; where none fits, the largest centred window whose ratio does. Depends
/// on the key alone. (https://docs.pytorch.org/vision/stable/transforms.html)
RandomCrop draw_random_crop(const PictureSize& size, uint64_t key, const RandomCropSpec& spec);

}  // namespace pcr
