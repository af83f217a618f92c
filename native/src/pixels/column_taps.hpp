// The taps of columns, laid out for vectors of eight values.
#pragma once

#include <cstdint>
#include <vector>

#include "pixels/filter_taps.hpp"

namespace pcr {

/// Groups of four outputs. The first pair of taps of all four lies among eight values, which a
/// shuffle picks from, and so does every other pair.
struct NearColumns {
    static constexpr uint32_t kGroupOutputs = 4;
    static constexpr uint32_t kMostPairs = 3;

    uint32_t pairs = 0;              // of taps
    std::vector<uint32_t> first;     // source index of each group; there are a multiple of four
    std::vector<uint32_t> shuffles;  // for each output, the bytes of two neighbours
    std::vector<uint32_t> weights;   // for each pair and output, two of 16 bits

    /// False where outputs are too far apart or have too many taps.
    bool build(const FilterTaps& filter);

  private:
    bool choose(const FilterTaps& filter);
    void set_weights(const FilterTaps& filter);
};

/// Any outputs, their taps filled up to a multiple of eight, and they to a multiple of four.
struct FarColumns {
    uint32_t taps = 0;
    std::vector<uint32_t> first;   // source index of each output
    std::vector<int16_t> weights;  // taps per output

    void build(const FilterTaps& filter);
};

struct ColumnTaps {
    FilterTaps filter;
    bool are_near = false;
    NearColumns near;  // if they are
    FarColumns far;    // if not

    void build(double start, double length, uint32_t source_size, uint32_t output_size,
               bool reverse);
};

}  // namespace pcr
