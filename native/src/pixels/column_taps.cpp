#include "pixels/column_taps.hpp"

#include <algorithm>

namespace pcr {
namespace {

size_t round_up(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

}  // namespace

bool NearColumns::build(const FilterTaps& filter) {
    pairs = (filter.taps + 1) / 2;
    if (pairs > kMostPairs || !choose(filter)) return false;
    set_weights(filter);
    return true;
}

bool NearColumns::choose(const FilterTaps& filter) {
    constexpr uint32_t kMostOffset = 6;  // of the first of two neighbours among eight values
    const size_t outputs = filter.first.size();
    shuffles.resize(round_up(outputs, 4 * kGroupOutputs));
    first.assign(shuffles.size() / kGroupOutputs, 0);
    for (size_t begin = 0; begin < outputs; begin += kGroupOutputs) {
        const size_t end = std::min(begin + kGroupOutputs, outputs);
        uint32_t& origin = first[begin / kGroupOutputs];
        origin = *std::min_element(filter.first.begin() + begin, filter.first.begin() + end);
        for (size_t i = begin; i < end; ++i) {
            const uint32_t offset = filter.first[i] - origin;
            if (offset > kMostOffset) return false;
            shuffles[i] = 0x03020100 + 0x02020202 * offset;
        }
    }
    return true;
}

void NearColumns::set_weights(const FilterTaps& filter) {
    weights.assign(pairs * shuffles.size(), 0);
    const int16_t* from = filter.negated.data();
    for (size_t output = 0; output < filter.first.size(); ++output) {
        for (uint32_t t = 0; t < filter.taps; ++t) {
            const auto bits = uint32_t{static_cast<uint16_t>(*from++)};
            weights[t / 2 * shuffles.size() + output] |= bits << (t % 2 * 16);
        }
    }
}

void FarColumns::build(const FilterTaps& filter) {
    const size_t outputs = filter.first.size();
    taps = static_cast<uint32_t>(round_up(filter.taps, 8));
    first = filter.first;
    first.resize(round_up(outputs, 4), 0);
    weights.assign(taps * first.size(), 0);
    for (size_t i = 0; i < outputs; ++i) {
        std::copy_n(&filter.negated[i * filter.taps], filter.taps, &weights[i * taps]);
    }
}

void ColumnTaps::build(double start, double length, uint32_t source_size, uint32_t output_size,
                       bool reverse) {
    filter.build(start, length, source_size, output_size, reverse);
    are_near = near.build(filter);
    if (!are_near) far.build(filter);
}

}  // namespace pcr
