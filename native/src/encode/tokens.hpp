// What a scan codes, before its Huffman tables are known: symbols with the bits that follow them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pcr {

/// Tables of a scan, as JPEGs number them: DC and AC, for luma and for chroma.
enum TableIndex : uint8_t { kDc0, kDc1, kAc0, kAc1 };
inline constexpr int kTables = 4;

/// Up to 16 bits, with or without a Huffman symbol before them.
class Token {
  public:
    static constexpr unsigned kNoSymbol = kTables * 256;

    Token() = default;
    Token(unsigned coded_symbol, unsigned bit_count, unsigned bits)
        : packed_(coded_symbol << 21 | bit_count << 16 | bits) {}

    /// table * 256 + symbol, or kNoSymbol.
    unsigned coded_symbol() const { return packed_ >> 21; }
    unsigned bit_count() const { return (packed_ >> 16) & 31; }
    unsigned bits() const { return packed_ & 0xFFFF; }

  private:
    uint32_t packed_ = 0;
};

using SymbolCounts = std::array<uint32_t, 256>;

/// The tokens of one scan, and how often each symbol occurs.
class Tokens {
  public:
    void clear() {
        size_ = 0;
        appended_bits_ = 0;
        interval_ends_.clear();
        counts_ = {};
    }

    /// How much memory they may take.
    void limit(size_t max_bytes) { max_size_ = max_bytes / sizeof(Token) / 2; }

    /// Makes room for so many more; false where the limit is reached.
    bool ensure(size_t more) {
        if (size_ + more > tokens_.size()) {
            if (size_ + more > max_size_) return false;
            tokens_.resize(std::min(max_size_, 2 * (size_ + more)));
        }
        return true;
    }

    /// Adds a symbol and the bits that follow it, for which there must be room.
    void add(TableIndex table, unsigned symbol, unsigned bit_count, unsigned bits) {
        ++counts_[table][symbol];
        appended_bits_ += bit_count;
        tokens_[size_++] = Token(table * 256u + symbol, bit_count, bits);
    }

    /// Adds the lowest bits of `bits`, at most 64 of them, for which there must be room.
    void add_bits(unsigned bit_count, uint64_t bits) {
        appended_bits_ += bit_count;
        while (bit_count > 0) {
            const unsigned part = std::min(bit_count, 16u);
            bit_count -= part;
            const auto value = static_cast<unsigned>(bits >> bit_count) & ((1u << part) - 1);
            tokens_[size_++] = Token(Token::kNoSymbol, part, value);
        }
    }

    /// A restart marker follows the tokens so far.
    void end_interval() { interval_ends_.push_back(size_); }

    const Token* begin() const { return tokens_.data(); }
    const Token* end() const { return tokens_.data() + size_; }
    /// How many tokens come before each restart marker.
    const std::vector<size_t>& interval_ends() const { return interval_ends_; }
    const SymbolCounts& counts(TableIndex table) const { return counts_[table]; }
    /// Bits that the tokens have besides their symbols' codes.
    uint64_t appended_bits() const { return appended_bits_; }

    size_t capacity_bytes() const { return tokens_.size() * sizeof(Token); }
    void release() { tokens_ = {}; }

  private:
    std::vector<Token> tokens_;  // its first `size_` are in use
    size_t size_ = 0;
    size_t max_size_ = 0;
    uint64_t appended_bits_ = 0;
    std::vector<size_t> interval_ends_;
    std::array<SymbolCounts, kTables> counts_{};
};

}  // namespace pcr
