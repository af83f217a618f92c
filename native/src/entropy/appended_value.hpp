// The bits that follow a Huffman code and give a value.
#pragma once

#include <cstdint>

namespace pcr {

/// The value of `size` appended bits that follow a code (ITU-T T.81, F.2.2.1, EXTEND).
inline int appended_value(uint64_t window, unsigned code_bits, unsigned size) {
    const uint64_t bits = window << code_bits;
    const int64_t negative = ~(static_cast<int64_t>(bits) >> 63);  // a leading zero: all ones
    const int64_t value = static_cast<int64_t>((bits >> 1) >> (63 - size));
    return static_cast<int>(value + (negative & (1 - (int64_t{1} << size))));
}

}  // namespace pcr
