// Huffman decoding tables: one lookup gives a symbol's run and size and the length of code plus
// value bits.
#pragma once

#include <array>
#include <cstdint>

#include "jpeg/tables.hpp"

namespace pcr {

inline constexpr int kLookupBits = 10;
inline constexpr int kMaxCodeBits = 16 + 15;  // with the value that follows

/// What follows a code: which bits belong to it and what they mean.
enum class CodeKind { kDc, kAcSequential, kAcFirst, kAcRefine };

/// One resolved code, packed: total length | code length << 8 | size << 16 | run << 20 | end << 31.
/// "total" counts the code and its appended bits; zero means that the code is longer than the
/// lookup.
struct Code {
    uint32_t packed = 0;

    unsigned total_bits() const { return packed & 0xFF; }
    unsigned code_bits() const { return (packed >> 8) & 0xFF; }
    unsigned size() const { return (packed >> 16) & 0xF; }
    unsigned run() const { return (packed >> 20) & 0xF; }
    bool is_end_of_band() const { return (packed >> 31) != 0; }
};

class HuffmanTable {
  public:
    /// False where the counts form no prefix code, or a DC symbol is above 15.
    bool build(const HuffmanSpec& spec, CodeKind kind);

    Code lookup(uint64_t window) const { return lookup_[window >> (64 - kLookupBits)]; }

    /// For codes longer than the lookup. A total length of zero means that there is no such code.
    Code search(uint64_t window) const;

    /// Any code.
    Code find(uint64_t window) const {
        const Code code = lookup(window);
        return __builtin_expect(code.total_bits() != 0, 1) ? code : search(window);
    }

  private:
    std::array<Code, 1 << kLookupBits> lookup_;
    std::array<uint32_t, 17> first_code_{};
    std::array<uint32_t, 17> first_index_{};
    std::array<uint8_t, 17> counts_{};
    std::array<uint8_t, 256> symbols_{};
    CodeKind kind_ = CodeKind::kDc;
};

}  // namespace pcr
