// Huffman tables of AC coefficients, in sequential scans and in first scans of a progression: one
// lookup gives a coefficient and its place.
#pragma once

#include <array>
#include <cstdint>

#include "entropy/huffman_table.hpp"
#include "jpeg/tables.hpp"

namespace pcr {

/// What one coefficient's code says, its value's bits included, or EOB0. Packed: length | step << 8
/// | value << 16. A length of zero: more bits than the lookup has, or another EOB.
struct CoefficientEntry {
    static constexpr unsigned kEndStep = 128;  // of EOB0: beyond every band

    uint32_t packed = 0;

    unsigned bits() const { return packed & 0xFF; }
    unsigned step() const { return (packed >> 8) & 0xFF; }  // from the coefficient before
    int value() const { return static_cast<int32_t>(packed) >> 16; }
};

class CoefficientTable {
  public:
    /// For sequential scans or first ones. False where the counts form no prefix code.
    bool build(const HuffmanSpec& spec, CodeKind kind);

    CoefficientEntry lookup(uint64_t window) const {
        return entries_[window >> (64 - kLookupBits)];
    }

    /// Any code. A total length of zero means that there is no such code.
    Code find(uint64_t window) const { return codes_.find(window); }

  private:
    std::array<CoefficientEntry, 1 << kLookupBits> entries_;
    HuffmanTable codes_;
};

}  // namespace pcr
