// The entropy-coded bytes of one scan: removes byte stuffing, one restart interval at a time.
#pragma once

#include <cstdint>

#include "entropy/bit_reader.hpp"
#include "jpeg/markers.hpp"
#include "memory/aligned_buffer.hpp"

namespace pcr {

class ScanData {
  public:
    /// `jpeg` from `position`, the first byte after the SOS segment. `scratch` holds the current
    /// segment, its bytes in the given order of bits.
    ScanData(ByteSpan jpeg, size_t position, BitOrder order, AlignedBuffer<uint8_t>& scratch)
        : jpeg_(jpeg), position_(position), order_(order), scratch_(scratch) {}

    /// Copies the bytes up to the next marker. False where a fill byte precedes a stuffed zero,
    /// which the standard does not allow and decoders read differently.
    bool read_segment(BitReader& reader);

    /// A segment without any data, as libjpeg decodes it where a restart marker is missing.
    BitReader empty_segment();

    /// The restart marker (0 … 7) that ended the last segment, or -1; steps over it.
    int take_restart();

    /// Steps over restart markers, and data between them, that nothing asked for.
    void skip_to_end() { position_ = find_scan_end(jpeg_, position_); }

    /// The position of the next marker, or the end of the buffer.
    size_t position() const { return position_; }

  private:
    ByteSpan jpeg_;
    size_t position_;
    BitOrder order_;
    AlignedBuffer<uint8_t>& scratch_;
};

}  // namespace pcr
