// Dequantisation and inverse DCT of runs of blocks, equal to libjpeg-turbo's ISLOW method on x86-64
// and to its reduced 4x4, 2x2 and 1x1 outputs. The arithmetic is that of Loeffler, Ligtenberg and
// Moschytz ("Practical fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989) with 13-bit
// constants.
#pragma once

#include <cstdint>

#include "entropy/coefficient_store.hpp"
#include "jpeg/frame.hpp"

namespace pcr {

/// Blocks that lie side by side.
struct BlockRun {
    const int16_t* dc = nullptr;
    const int16_t* ac = nullptr;
    const uint64_t* nonzero = nullptr;
    uint32_t count = 0;
};

/// Blocks that kernels of size 8 write at once: rows need room for a multiple of them.
inline constexpr uint32_t kBlocksAtOnce = 4;

/// Writes the run's samples, 8, 4, 2 or 1 per side of a block.
using IdctRow = void (*)(const BlockRun& run, const QuantTable& quant, uint8_t* out, size_t stride);

struct IdctKernels {
    IdctRow size8;
    IdctRow size4;
    IdctRow size2;
    IdctRow size1;

    IdctRow of_size(int size) const {
        return size == 8 ? size8 : size == 4 ? size4 : size == 2 ? size2 : size1;
    }
};

const IdctKernels& idct_kernels();

}  // namespace pcr
