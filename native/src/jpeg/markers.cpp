#include "jpeg/markers.hpp"

#include <algorithm>
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

bool ends_in_eoi(ByteSpan jpeg) {
    size_t position = 2;
    for (;;) {
        position = find_marker(jpeg, position);
        if (position >= jpeg.size) return false;
        const uint8_t marker = jpeg.data[position + 1];
        if (marker == kEOI) return true;
        position += 2;
        if (marker < kSOF0 || is_restart_marker(marker) || marker == kSOI) continue;
        if (position + 2 > jpeg.size) return false;
        position += std::max<size_t>(read_u16(jpeg.data + position), 2);
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
