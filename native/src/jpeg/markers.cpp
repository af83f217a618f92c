#include "jpeg/markers.hpp"

#include <cstring>

namespace pcr {

size_t find_ff(ByteSpan jpeg, size_t position) {
    if (position >= jpeg.size) return jpeg.size;
    const void* found = std::memchr(jpeg.data + position, 0xFF, jpeg.size - position);
    return found == nullptr ? jpeg.size
                            : static_cast<size_t>(static_cast<const uint8_t*>(found) - jpeg.data);
}

size_t find_marker(ByteSpan jpeg, size_t position) {
    for (;;) {
        position = find_ff(jpeg, position);
        if (position + 1 >= jpeg.size) return jpeg.size;
        const uint8_t code = jpeg.data[position + 1];
        if (code != 0x00 && code != 0xFF) return position;
        position += code == 0x00 ? 2 : 1;
    }
}

size_t find_scan_end(ByteSpan jpeg, size_t position) {
    for (;;) {
        position = find_marker(jpeg, position);
        if (position >= jpeg.size || !is_restart_marker(jpeg.data[position + 1])) return position;
        position += 2;
    }
}

}  // namespace pcr
