// Where the bits lie that are set in a byte, as tables.
#pragma once

#include <array>
#include <cstdint>

namespace pcr {

struct SetBits {
    std::array<uint64_t, 256> places{};  // byte n: the place of the n-th set bit, both from 0
    std::array<uint64_t, 256> ranks{};   // byte k: 1 << n where bit k is the n-th set bit, else 0
};

constexpr SetBits list_set_bits() {
    SetBits tables;
    for (unsigned byte = 0; byte < 256; ++byte) {
        unsigned rank = 0;
        for (unsigned place = 0; place < 8; ++place) {
            if ((byte >> place & 1) == 0) continue;
            tables.places[byte] |= uint64_t{place} << (8 * rank);
            tables.ranks[byte] |= uint64_t{1} << (8 * place + rank);
            ++rank;
        }
    }
    return tables;
}

inline constexpr SetBits kSetBits = list_set_bits();

}  // namespace pcr
