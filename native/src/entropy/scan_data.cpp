#include "entropy/scan_data.hpp"

#include <algorithm>
#include <cstring>

#include "entropy/reverse_bits.hpp"

namespace pcr {

bool ScanData::read_segment(BitReader& reader) {
    // Grows by doubling up to what is left of the file: most scans are a small part of it.
    size_t room = std::max<size_t>(scratch_.capacity_bytes(), 2 * kBitPadding);
    uint8_t* out = scratch_.ensure(room);
    size_t size = 0;
    const auto append = [&](size_t from, size_t count) {
        if (size + count + kBitPadding > room) {
            AlignedBuffer<uint8_t> larger;
            room = 2 * (size + count + kBitPadding);
            larger.ensure(room);
            std::memcpy(larger.data(), out, size);
            std::swap(scratch_, larger);
            out = scratch_.data();
        }
        std::memcpy(out + size, jpeg_.data + from, count);
        size += count;
    };
    for (;;) {
        const size_t ff = find_ff(jpeg_, position_);
        const bool at_end = ff + 1 >= jpeg_.size;
        const bool stuffed = !at_end && jpeg_.data[ff + 1] == 0x00;
        append(position_, ff - position_ + (stuffed ? 1 : 0));
        position_ = ff;
        if (!stuffed) break;
        position_ = ff + 2;
    }
    if (order_ == BitOrder::kLowestFirst) {
        for (size_t i = 0; i < size; ++i) out[i] = reverse_bits(out[i]);
    }
    std::memset(out + size, 0, kBitPadding);
    reader = BitReader(out, size);
    // Fill bytes before the marker.
    while (position_ + 1 < jpeg_.size && jpeg_.data[position_ + 1] == 0xFF) ++position_;
    return position_ + 1 >= jpeg_.size || jpeg_.data[position_ + 1] != 0x00;
}

BitReader ScanData::empty_segment() {
    std::memset(scratch_.ensure(kBitPadding), 0, kBitPadding);
    return BitReader(scratch_.data(), 0);
}

int ScanData::take_restart() {
    if (position_ + 1 >= jpeg_.size || !is_restart_marker(jpeg_.data[position_ + 1])) return -1;
    const int number = jpeg_.data[position_ + 1] & 7;
    position_ += 2;
    return number;
}

}  // namespace pcr
