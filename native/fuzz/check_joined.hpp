// What holds of every record that was joined.
#pragma once

#include <cstdlib>

#include "pcr/record_joiner.hpp"

/// Aborts unless every image ends in EOI and the images fill the buffer.
inline void check_joined(const pcr::JoinedImages& joined) {
    for (size_t i = 1; i < joined.offsets.size(); ++i) {
        const int64_t end = joined.offsets[i];
        if (end < joined.offsets[i - 1] + 2 || joined.buffer.data[end - 2] != 0xFF ||
            joined.buffer.data[end - 1] != 0xD9) {
            std::abort();
        }
    }
    if (joined.offsets.back() != static_cast<int64_t>(joined.buffer.size)) std::abort();
}
