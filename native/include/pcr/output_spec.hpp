// What a decoded image becomes: the crop that is taken of it, and the tensor that it is written to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pcr {

/// A crop in pixels of the oriented image (EXIF orientation applied); may be fractional.
struct Box {
    float x0 = 0;
    float y0 = 0;
    float width = 0;
    float height = 0;
};

enum class DType { kUint8, kFloat32, kFloat16, kBfloat16 };
enum class Layout { kNCHW, kNHWC };

/// Bytes of one value.
inline size_t element_size(DType dtype) {
    return dtype == DType::kUint8 ? 1 : dtype == DType::kFloat32 ? 4 : 2;
}

/// A batch of RGB images. Values are (v - mean) / stddev with v, mean and stddev in 0 … 255, not
/// rounded except to the type; uint8 output is v, rounded.
struct OutputSpec {
    void* data = nullptr;  // N x 3 x height x width, or N x height x width x 3
    DType dtype = DType::kFloat32;
    Layout layout = Layout::kNCHW;
    uint32_t height = 0;
    uint32_t width = 0;
    std::array<float, 3> mean{0, 0, 0};
    std::array<float, 3> stddev{1, 1, 1};

    size_t bytes_per_image() const { return size_t{3} * width * height * element_size(dtype); }
};

}  // namespace pcr
