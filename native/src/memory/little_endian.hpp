// Eight bytes as a number, the first byte lowest.
#pragma once

#include <cstdint>
#include <cstring>

namespace pcr {

inline uint64_t load_little_endian(const uint8_t* bytes) {
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

inline void store_little_endian(uint64_t word, uint8_t* bytes) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    std::memcpy(bytes, &word, sizeof word);
}

}  // namespace pcr
