// The shortest Huffman code for given symbol counts, as libjpeg makes it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "encode/tokens.hpp"

namespace pcr {

struct HuffmanCode {
    std::array<uint8_t, 17> counts{};  // codes of each length, 1 … 16
    std::vector<uint8_t> symbols;      // by length, then by value
};

/// ITU-T T.81, annex K.2, with libjpeg's choice between equal counts, so that the result is
/// libjpeg's to the byte. False where a code would grow beyond 32 bits before it is limited to 16.
bool make_optimal_code(const SymbolCounts& counts, HuffmanCode& code);

/// Code and length of each coded symbol of a scan (`Token::coded_symbol`), packed: code << 8 |
/// length. Where there is no symbol, there are no bits.
using CodeTable = std::array<uint32_t, Token::kNoSymbol + 1>;

/// Fills in the codes of one table.
void assign_codes(const HuffmanCode& code, TableIndex table, CodeTable& codes);

}  // namespace pcr
