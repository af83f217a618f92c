// The bits of a number in reverse order.
#pragma once

#include <cstdint>

namespace pcr {

inline uint8_t reverse_bits(uint8_t byte) {
    auto bits = static_cast<unsigned>(byte);
    bits = bits >> 4 | (bits & 0x0F) << 4;
    bits = (bits >> 2 & 0x33) | (bits & 0x33) << 2;
    return static_cast<uint8_t>((bits >> 1 & 0x55) | (bits & 0x55) << 1);
}

inline uint64_t reverse_bits(uint64_t bits) {
    bits = __builtin_bswap64(bits);
    bits = (bits >> 4 & 0x0F0F0F0F0F0F0F0F) | (bits & 0x0F0F0F0F0F0F0F0F) << 4;
    bits = (bits >> 2 & 0x3333333333333333) | (bits & 0x3333333333333333) << 2;
    return (bits >> 1 & 0x5555555555555555) | (bits & 0x5555555555555555) << 1;
}

}  // namespace pcr
