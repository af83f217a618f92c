#include "pixels/resampler.hpp"

#include <algorithm>

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

namespace {

/// So many rows are blended before their columns are: what was just stored is slow to load.
constexpr uint32_t kRowsAtOnce = 8;

/// Where output rows go: one plane after the other, or interleaved.
class ImageWriter {
  public:
    /// `row` has room for a row of the output and kColumnPadding more.
    ImageWriter(const OutputSpec& output, size_t index, bool transposed, float* row)
        : output_(output),
          transposed_(transposed),
          image_(static_cast<uint8_t*>(output.data) + index * output.bytes_per_image()),
          row_(row) {}

    /// Row y, or, transposed, column y, out of a blended row.
    void write(const int16_t* blended, const ColumnTaps& columns, int channel, uint32_t y) const {
        const bool nchw = output_.layout == Layout::kNCHW;
        const size_t pixel = nchw ? 1 : 3;
        const size_t plane = size_t{output_.width} * output_.height;
        const size_t start = transposed_ ? y : size_t{y} * output_.width;
        const size_t step = (transposed_ ? output_.width : 1) * pixel;
        const size_t offset = start * pixel + channel * (nchw ? plane : 1);
        const bool plain = output_.dtype == DType::kUint8;
        const float scale =
            (plain ? 1.0f : 1.0f / output_.stddev[channel]) / (1 << (kBlendBits + kWeightBits));
        const float bias = plain ? 0.0f : -output_.mean[channel] / output_.stddev[channel];
        uint8_t* out = image_ + offset * element_size(output_.dtype);
        const ResampleKernels& kernels = resample_kernels();
        if (output_.dtype == DType::kFloat32 && step == 1 && count() % kColumnsAtOnce == 0) {
            kernels.blend_columns(blended, columns, scale, bias, reinterpret_cast<float*>(out));
        } else {
            kernels.blend_columns(blended, columns, scale, bias, row_);
            kernels.store_row(row_, count(), output_.dtype, out, step);
        }
    }

  private:
    uint32_t count() const { return transposed_ ? output_.height : output_.width; }

    const OutputSpec& output_;
    bool transposed_;
    uint8_t* image_;
    float* row_;
};

}  // namespace

void Resampler::run(const PlanarImage& source, const Box& box, const Orientation& orientation,
                    const OutputSpec& output, size_t index) {
    const uint32_t width = orientation.transpose ? output.height : output.width;
    const uint32_t height = orientation.transpose ? output.width : output.height;
    columns_.build(box.x0, box.width, source.width(), width, orientation.reverse_columns);
    rows_.build(box.y0, box.height, source.height(), height, orientation.reverse_rows);
    const size_t stride = size_t{source.width()} + kColumnPadding;
    int16_t* blended = blended_.ensure(stride * kRowsAtOnce);
    float* resized = resized_.ensure(size_t{width} + kColumnPadding);
    const ImageWriter writer(output, index, orientation.transpose, resized);
    for (uint32_t first = 0; first < height; first += kRowsAtOnce) {
        const uint32_t end = std::min(first + kRowsAtOnce, height);
        for (int channel = 0; channel < source.num_planes(); ++channel) {
            for (uint32_t y = first; y < end; ++y) {
                resample_kernels().blend_row(source.row(channel, rows_.first[y]), source.stride(),
                                             source.width(), &rows_.negated[size_t{rows_.taps} * y],
                                             rows_.taps, blended + (y - first) * stride);
            }
            for (uint32_t y = first; y < end; ++y) {
                for (int to = channel; to < 3; to += source.num_planes()) {  // gray: to all
                    writer.write(blended + (y - first) * stride, columns_, to, y);
                }
            }
        }
    }
}

}  // namespace pcr
