#include "pixels/resampler.hpp"

#include <algorithm>
#include <cmath>

#include "pixels/resample_kernels.hpp"

namespace pcr {

Orientation Orientation::from_exif(int value) {
    switch (value) {
        case 2:
            return {false, true, false};
        case 3:
            return {false, true, true};
        case 4:
            return {false, false, true};
        case 5:
            return {true, false, false};
        case 6:
            return {true, false, true};
        case 7:
            return {true, true, true};
        case 8:
            return {true, true, false};
        default:
            return {};
    }
}

Orientation Orientation::then_flip() const {
    Orientation flipped = *this;
    bool& reverse = transpose ? flipped.reverse_rows : flipped.reverse_columns;
    reverse = !reverse;
    return flipped;
}

Box Orientation::to_stored(const Box& box, uint32_t width, uint32_t height) const {
    Box stored = transpose ? Box{box.y0, box.x0, box.height, box.width} : box;
    if (reverse_columns) stored.x0 = static_cast<float>(width) - (stored.x0 + stored.width);
    if (reverse_rows) stored.y0 = static_cast<float>(height) - (stored.y0 + stored.height);
    return stored;
}

void FilterTaps::build(double start, double length, uint32_t source_size, uint32_t output_size,
                       bool reverse) {
    const double scale = length / output_size;
    const double support = std::max(scale, 1.0);
    const double size = source_size;
    taps = std::min(static_cast<uint32_t>(std::ceil(2 * support)) + 1, source_size);
    first.resize(output_size);
    weights.assign(size_t{taps} * output_size, 0.0f);
    for (uint32_t i = 0; i < output_size; ++i) {
        const double center = start + (i + 0.5) * scale;
        const double begin = std::clamp(center - support + 0.5, 0.0, size - taps);
        const uint32_t output = reverse ? output_size - 1 - i : i;
        first[output] = static_cast<uint32_t>(begin);
        float* weight = &weights[size_t{taps} * output];
        double sum = 0;
        for (uint32_t t = 0; t < taps; ++t) {
            const double distance = std::abs(first[output] + t + 0.5 - center) / support;
            weight[t] = static_cast<float>(std::max(0.0, 1.0 - distance));
            sum += weight[t];
        }
        for (uint32_t t = 0; t < taps; ++t) weight[t] = static_cast<float>(weight[t] / sum);
    }
    fill_negated();
}

/// Rounds the running sum of each output's weights instead of the weights: their errors cancel out,
/// and the sum is one to the bit, however many they are.
void FilterTaps::fill_negated() {
    negated.resize(weights.size());
    for (size_t i = 0; i < weights.size(); i += taps) {
        double sum = 0;
        int32_t before = 0;
        for (size_t t = i; t < i + taps; ++t) {
            sum += weights[t];
            const auto rounded = static_cast<int32_t>(sum * (1 << kWeightBits) + 0.5);
            negated[t] = static_cast<int16_t>(before - rounded);
            before = rounded;
        }
    }
}

namespace {

/// Where output rows go: one plane after the other, or interleaved.
class ImageWriter {
  public:
    ImageWriter(const OutputSpec& output, size_t index)
        : output_(output),
          element_(element_size(output.dtype)),
          image_(static_cast<uint8_t*>(output.data) + index * output.bytes_per_image()) {}

    /// Row y, or, transposed, column y.
    void write(const float* values, int channel, uint32_t y, bool transposed) const {
        const bool nchw = output_.layout == Layout::kNCHW;
        const size_t pixel = nchw ? 1 : 3;
        const size_t plane = size_t{output_.width} * output_.height;
        const size_t start = transposed ? y : size_t{y} * output_.width;
        const size_t step = (transposed ? output_.width : 1) * pixel;
        const uint32_t count = transposed ? output_.height : output_.width;
        const size_t offset = start * pixel + channel * (nchw ? plane : 1);
        const bool plain = output_.dtype == DType::kUint8;
        const float scale = (plain ? 1.0f : 1.0f / output_.stddev[channel]) / (1 << kBlendBits);
        const float bias = plain ? 0.0f : -output_.mean[channel] / output_.stddev[channel];
        resample_kernels().store_row(values, count, scale, bias, output_.dtype,
                                     image_ + offset * element_, step);
    }

  private:
    const OutputSpec& output_;
    size_t element_;
    uint8_t* image_;
};

}  // namespace

void Resampler::run(const PlanarImage& source, const Box& box, const Orientation& orientation,
                    const OutputSpec& output, size_t index) {
    const uint32_t width = orientation.transpose ? output.height : output.width;
    const uint32_t height = orientation.transpose ? output.width : output.height;
    columns_.build(box.x0, box.width, source.width(), width, orientation.reverse_columns);
    rows_.build(box.y0, box.height, source.height(), height, orientation.reverse_rows);
    const size_t padded = (size_t{width} + 15) / 8 * 8;
    const size_t source_padded =
        (size_t{source.width()} + kColumnsAtOnce - 1) / kColumnsAtOnce * kColumnsAtOnce;
    const ResampleKernels& kernels = resample_kernels();
    int16_t* blended = blended_.ensure(source_padded * kernels.rows_at_once);
    float* transposed = transposed_.ensure(source_padded * kernels.rows_at_once);
    float* resized = resized_.ensure(padded * kernels.rows_at_once);
    const ImageWriter writer(output, index);
    for (uint32_t first = 0; first < height; first += kernels.rows_at_once) {
        const uint32_t rows = std::min(kernels.rows_at_once, height - first);
        for (int channel = 0; channel < 3; ++channel) {
            if (channel < source.num_planes()) {  // gray: the one plane serves all channels
                for (uint32_t j = 0; j < rows; ++j) {
                    kernels.blend_row(source.row(channel, rows_.first[first + j]), source.stride(),
                                      source.width(),
                                      &rows_.negated[size_t{rows_.taps} * (first + j)], rows_.taps,
                                      blended + j * source_padded);
                }
                kernels.transpose(blended, source_padded, source.width(), transposed);
                kernels.blend_columns(transposed, columns_, resized, padded);
            }
            for (uint32_t j = 0; j < rows; ++j) {
                writer.write(resized + j * padded, channel, first + j, orientation.transpose);
            }
        }
    }
}

}  // namespace pcr
