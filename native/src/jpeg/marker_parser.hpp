// Reads the segments that decoding needs, as tolerant of damage as libjpeg is.
#pragma once

#include <cstdint>

#include "jpeg/segments.hpp"
#include "jpeg/tables.hpp"

namespace pcr {

/// Reads marker segments (ITU-T T.81, annex B) into tables and scan parameters. Unlike
/// SegmentReader it skips bytes between segments and takes the end of the buffer for EOI.
class MarkerParser {
  public:
    enum class Stop {
        kFrame,     // after an SOF segment
        kScan,      // after an SOS segment: `position()` is its entropy-coded data
        kEnd,       // EOI, or the end of the buffer
        kIrregular  // nothing that the native decoder can continue from
    };

    explicit MarkerParser(ByteSpan jpeg) : jpeg_(jpeg) {}

    /// Reads on to the next point of interest.
    Stop next();

    /// Continues at the marker that ends a scan.
    void seek(size_t position) { position_ = position; }
    size_t position() const { return position_; }

    ByteSpan bytes() const { return jpeg_; }
    const Frame& frame() const { return frame_; }
    const ScanHeader& scan() const { return scan_; }
    const TableState& tables() const { return tables_; }

    /// At the end: whether EOI was there.
    bool found_eoi() const { return position_ < jpeg_.size; }

    /// At the end: whether each component was seen with the quantisation table that its number
    /// stands for now, and JFIF and Adobe segments were of known versions.
    bool is_clean() const;

  private:
    bool begin();
    bool read_segment(Segment& segment);
    bool read_tables(const Segment& segment);
    bool read_frame(const Segment& segment);
    bool read_components(ByteSpan payload);
    bool read_scan(ByteSpan payload);
    bool read_scan_components(ByteSpan payload);
    bool note_scan();
    bool read_huffman(ByteSpan payload);
    bool read_quant(ByteSpan payload);
    void read_application(const Segment& segment);

    ByteSpan jpeg_;
    size_t position_ = 0;
    Frame frame_;
    ScanHeader scan_;
    TableState tables_;
    bool has_frame_ = false;
    bool has_scan_ = false;
    bool unknown_jfif_ = false;  // a JFIF segment of another version than 1
};

}  // namespace pcr
