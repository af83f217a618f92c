// Huffman tables of AC refinement scans, whose bits are read lowest first.
#pragma once

#include <array>
#include <cstdint>

#include "entropy/huffman_table.hpp"
#include "entropy/reverse_bits.hpp"
#include "jpeg/tables.hpp"

namespace pcr {

/// Lengths of a code for one new coefficient, or of EOB0, packed: code | code and sign << 8. Zero:
/// another kind of code, or a long one.
struct RefinementLengths {
    uint16_t packed = 0;

    unsigned code_bits() const { return packed & 0xFFu; }
    unsigned total_bits() const { return packed >> 8; }
};

class RefinementTable {
  public:
    /// False where the counts form no prefix code.
    bool build(const HuffmanSpec& spec);

    RefinementLengths lengths(uint64_t window) const { return lengths_[index(window)]; }

    /// 1 << the zeros that the code skips; 0: EOB0.
    uint64_t run_bit(uint64_t window) const { return run_bits_[index(window)]; }

    /// Any code. A total length of zero means that there is no such code.
    Code find(uint64_t window) const;

  private:
    static constexpr unsigned kEntries = 1 << kLookupBits;

    static unsigned index(uint64_t window) { return window & (kEntries - 1); }

    // Apart, since the next code waits for the first of them only.
    std::array<uint16_t, kEntries> run_bits_;
    std::array<RefinementLengths, kEntries> lengths_;
    HuffmanTable codes_;
};

}  // namespace pcr
