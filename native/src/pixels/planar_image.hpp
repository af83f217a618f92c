// A decoded region: 8-bit planes, one (gray) or three (R, G, B).
#pragma once

#include <cstdint>

#include "memory/aligned_buffer.hpp"
#include "pcr/region.hpp"

namespace pcr {

class PlanarImage {
  public:
    void reset(int num_planes, uint32_t width, uint32_t height) {
        num_planes_ = num_planes;
        width_ = width;
        height_ = height;
        stride_ = (size_t{width} + 63) / 64 * 64;
        pixels_.ensure(stride_ * height * num_planes + kSlack);
    }

    int num_planes() const { return num_planes_; }
    uint32_t width() const { return width_; }
    uint32_t height() const { return height_; }
    size_t stride() const { return stride_; }
    uint8_t* row(int plane, uint32_t y) {
        return pixels_.data() + (size_t{height_} * plane + y) * stride_;
    }
    const uint8_t* row(int plane, uint32_t y) const {
        return const_cast<PlanarImage*>(this)->row(plane, y);
    }
    size_t capacity_bytes() const { return pixels_.capacity_bytes(); }
    void release() { pixels_.release(); }

  private:
    static constexpr size_t kSlack = 64;  // vector loads may run past the last row
    int num_planes_ = 0;
    uint32_t width_ = 0;
    uint32_t height_ = 0;
    size_t stride_ = 0;
    AlignedBuffer<uint8_t> pixels_;
};

}  // namespace pcr
