#include "entropy/coefficient_store.hpp"

#include <cstring>

namespace pcr {
namespace {

std::array<uint8_t, 64> zigzag_order() {
    std::array<uint8_t, 64> order{};
    int k = 0;
    for (int diagonal = 0; diagonal < 15; ++diagonal) {
        for (int i = 0; i <= diagonal; ++i) {
            const int row = diagonal % 2 == 0 ? diagonal - i : i;
            const int column = diagonal - row;
            if (row < 8 && column < 8) order[k++] = static_cast<uint8_t>(row * 8 + column);
        }
    }
    return order;
}

}  // namespace

const std::array<uint8_t, 64> kZigzagToNatural = zigzag_order();

void CoefficientStore::reset(const Frame& frame) {
    std::array<size_t, kMaxComponents> blocks{};
    size_t total = 0;
    for (int c = 0; c < frame.num_components; ++c) {
        const Component& component = frame.components[c];
        blocks[c] = size_t{component.blocks_per_row} * component.block_rows;
        total += blocks[c];
    }
    size_bytes_ = total * (65 * sizeof(int16_t) + sizeof(uint64_t));
    int16_t* dc = dc_.ensure(total);
    int16_t* ac = ac_.ensure(total * 64);
    uint64_t* nonzero = nonzero_.ensure(total);
    std::memset(dc, 0, total * sizeof *dc);
    std::memset(nonzero, 0, total * sizeof *nonzero);
    for (int c = 0; c < frame.num_components; ++c) {
        planes_[c] = {dc, ac, nonzero, frame.components[c].blocks_per_row};
        dc += blocks[c];
        ac += blocks[c] * 64;
        nonzero += blocks[c];
    }
}

void CoefficientStore::read_block(int component, size_t block, int16_t out[64]) const {
    const CoefficientPlane& plane = planes_[component];
    std::memset(out, 0, 64 * sizeof *out);
    out[0] = plane.dc[block];
    for (int k = 1; k < 64; ++k) {
        if (plane.nonzero[block] & zigzag_bit(k)) {
            out[kZigzagToNatural[k]] = plane.ac[block * 64 + k];
        }
    }
}

void CoefficientStore::trim(size_t keep_bytes) {
    if (ac_.capacity_bytes() <= keep_bytes) return;
    dc_.release();
    ac_.release();
    nonzero_.release();
}

}  // namespace pcr
