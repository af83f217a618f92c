// Which images libjpeg can be the reference for.
#pragma once

#include <algorithm>

#include "pcr/header.hpp"
#include "pcr/limits.hpp"

/// Whether libjpeg takes images of this size; the project's own code takes longer sides too.
inline bool within_libjpegs_limit(pcr::ByteSpan jpeg) {
    const pcr::PictureSize size = pcr::find_picture_size(jpeg);
    return std::max(size.width, size.height) <= pcr::kMaxLibjpegSide;
}
