// Rows of the blocks of 8 x 8 coefficients that a picture's components consist of.
#pragma once

#include <array>
#include <cstdint>

#include "jpeg/frame.hpp"

namespace pcr {

/// Rows of blocks: the first, and the one after the last.
struct RowRange {
    uint32_t begin = 0;
    uint32_t end = 0;
};

/// Which rows of blocks are needed of each component.
using BlockRows = std::array<RowRange, kMaxComponents>;

}  // namespace pcr
