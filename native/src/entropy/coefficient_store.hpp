// Quantised DCT coefficients of one image, laid out for progressive decoding.
//
// DC values lie apart from the AC values, and the AC values of a block are in zigzag order: scans
// then touch memory in the order in which they code it. `nonzero` has one bit per coefficient,
// zigzag index k at bit k; a block whose word is zero has *uninitialised* AC memory, which
// saves clearing it.
#pragma once

#include <array>
#include <cstdint>

#include "jpeg/frame.hpp"
#include "memory/aligned_buffer.hpp"

namespace pcr {

struct CoefficientPlane {
    int16_t* dc = nullptr;        // one per block
    int16_t* ac = nullptr;        // 64 per block, zigzag; entry 0 is not used
    uint64_t* nonzero = nullptr;  // one per block
    size_t stride = 0;            // blocks per row
};

inline uint64_t zigzag_bit(int k) { return uint64_t{1} << k; }

/// Bits of the coefficients first … last.
inline uint64_t zigzag_band(int first, int last) {
    return (~uint64_t{0} << first) & (~uint64_t{0} >> (63 - last));
}

class CoefficientStore {
  public:
    /// Lays out planes for the frame's components, every coefficient zero.
    void reset(const Frame& frame);

    CoefficientPlane& plane(int component) { return planes_[component]; }
    const CoefficientPlane& plane(int component) const { return planes_[component]; }

    /// One block in natural order, DC included.
    void read_block(int component, size_t block, int16_t out[64]) const;

    /// Memory of the planes of the last `reset`.
    size_t size_bytes() const { return size_bytes_; }

    /// Gives memory back where an unusually large image has taken much.
    void trim(size_t keep_bytes);

  private:
    std::array<CoefficientPlane, kMaxComponents> planes_;
    size_t size_bytes_ = 0;
    AlignedBuffer<int16_t> dc_;
    AlignedBuffer<int16_t> ac_;
    AlignedBuffer<uint64_t> nonzero_;
};

/// Natural (row-major) position of each zigzag index; ITU-T T.81, figure 5.
extern const std::array<uint8_t, 64> kZigzagToNatural;

}  // namespace pcr
