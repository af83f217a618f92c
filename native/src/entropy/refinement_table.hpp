// Huffman tables of AC refinement scans, whose bits are read lowest first.
#pragma once

#include <array>
#include <cstdint>

#include "entropy/huffman_table.hpp"
#include "entropy/reverse_bits.hpp"
#include "jpeg/tables.hpp"

namespace pcr {

/// One resolved code, packed: 8 * run | zeros that it passes << 8 | code length << 16 | the rest
/// << 24. "Short" are codes within the lookup for one new coefficient after fewer than 8 zeros;
/// their rest is what reading them needs soonest. That of others is their size | end of band << 7.
class RefinementCode {
  public:
    static constexpr unsigned kShortRuns = 8;

    RefinementCode() = default;
    static RefinementCode make_short(Code code) {
        return RefinementCode(code, 8 * code.run(), code.code_bits() - code.run());
    }
    static RefinementCode make_other(Code code) {
        return RefinementCode(code, kOther, code.size() | (code.is_end_of_band() ? 0x80u : 0u));
    }

    bool is_short() const { return (packed_ & kOther) == 0; }
    unsigned zeros() const { return packed_ >> 8 & 0xFF; }     // passed: the run, and where it ends
    unsigned code_bits() const { return packed_ >> 16 & 63; }  // 0: there is no such code

    // Of short codes:
    unsigned place_shift() const { return packed_ & 63; }  // to the run's place in a list of bytes
    int bits_beyond_zeros() const { return static_cast<int32_t>(packed_) >> 24; }  // sign included

    // Of others:
    unsigned size() const { return packed_ >> 24 & 0xF; }
    bool is_end_of_band() const { return packed_ >> 31 != 0; }

  private:
    static constexpr unsigned kOther = 0x80;

    RefinementCode(Code code, unsigned low, unsigned rest)
        : packed_(low | (code.run() + 1) << 8 | code.code_bits() << 16 | rest << 24) {}

    uint32_t packed_ = kOther;
};

class RefinementTable {
  public:
    /// False where the counts form no prefix code.
    bool build(const HuffmanSpec& spec);

    /// Codes of up to kLookupBits bits.
    RefinementCode lookup(uint64_t window) const { return codes_[index(window)]; }

    /// Any code, and never as a short one.
    RefinementCode find(uint64_t window) const {
        return RefinementCode::make_other(huffman_.find(reverse_bits(window)));
    }

  private:
    static constexpr unsigned kEntries = 1 << kLookupBits;

    static unsigned index(uint64_t window) { return window & (kEntries - 1); }

    std::array<RefinementCode, kEntries> codes_;
    HuffmanTable huffman_;
};

}  // namespace pcr
