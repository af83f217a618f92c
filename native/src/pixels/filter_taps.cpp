#include "pixels/filter_taps.hpp"

#include <algorithm>
#include <cmath>

namespace pcr {

void FilterTaps::build(double start, double length, uint32_t source_size, uint32_t output_size,
                       bool reverse) {
    const double scale = length / output_size;
    const double support = std::max(scale, 1.0);
    const double size = source_size;
    taps = std::min(static_cast<uint32_t>(std::ceil(2 * support)) + 1, source_size);
    first.resize(output_size);
    negated.resize(size_t{taps} * output_size);
    for (uint32_t i = 0; i < output_size; ++i) {
        const double center = start + (i + 0.5) * scale;
        const double begin = std::clamp(center - support + 0.5, 0.0, size - taps);
        const uint32_t output = reverse ? output_size - 1 - i : i;
        first[output] = static_cast<uint32_t>(begin);
        set_weights(output, center, support);
    }
}

/// Rounds the running sum of an output's weights instead of the weights: their errors cancel out,
/// and the sum is one to the bit, however many they are.
void FilterTaps::set_weights(uint32_t output, double center, double support) {
    const double nearest = center - first[output] - 0.5;  // in taps
    const auto weight = [&](uint32_t t) { return std::max(0.0, support - std::abs(t - nearest)); };
    double total = 0;
    for (uint32_t t = 0; t < taps; ++t) total += weight(t);
    const double unit = (1 << kWeightBits) / total;
    int16_t* out = &negated[size_t{taps} * output];
    double sum = 0;
    int32_t before = 0;
    for (uint32_t t = 0; t < taps; ++t) {
        sum += weight(t);
        const auto rounded = static_cast<int32_t>(sum * unit + 0.5);
        out[t] = static_cast<int16_t>(before - rounded);
        before = rounded;
    }
}

}  // namespace pcr
