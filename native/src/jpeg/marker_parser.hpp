// Reads the marker segments of a JPEG (ITU-T T.81, annex B) into tables and scan parameters.
#pragma once

#include <array>
#include <cstdint>

#include "entropy/huffman_table.hpp"
#include "jpeg/frame.hpp"

namespace pcr::decode {

/// The parameters of one SOS segment.
struct ScanHeader {
    int num_components = 0;
    std::array<uint8_t, kMaxComponents> component{};  // index in the frame
    std::array<uint8_t, kMaxComponents> dc_table{};
    std::array<uint8_t, kMaxComponents> ac_table{};
    int first = 0;  // Ss
    int last = 0;   // Se
    int high = 0;   // Ah
    int low = 0;    // Al
};

/// Tables as they stand at one point of the stream.
struct TableState {
    std::array<HuffmanSpec, 4> dc;
    std::array<HuffmanSpec, 4> ac;
    std::array<QuantTable, 4> quant{};
    std::array<bool, 4> quant_defined{};
    uint32_t restart_interval = 0;
};

class MarkerParser {
  public:
    enum class Stop {
        kFrame,     // after an SOF segment
        kScan,      // after an SOS segment: `position()` is its entropy-coded data
        kEnd,       // EOI, or the end of the buffer
        kIrregular  // nothing that the native decoder can go on from
    };

    explicit MarkerParser(Bytes jpeg) : jpeg_(jpeg) {}

    /// Reads on to the next point of interest.
    Stop next();

    /// Continues at the marker that ends a scan.
    void seek(size_t position) { position_ = position; }
    size_t position() const { return position_; }

    Bytes bytes() const { return jpeg_; }
    const Frame& frame() const { return frame_; }
    const ScanHeader& scan() const { return scan_; }
    const TableState& tables() const { return tables_; }

    /// At the end: whether each component was seen with the quantisation table that its number
    /// stands for now, and JFIF and Adobe segments were in their places and of known versions.
    bool is_clean() const;

  private:
    bool read_frame(uint8_t marker, const uint8_t* p, size_t size);
    bool read_scan(const uint8_t* p, size_t size);
    bool read_huffman(const uint8_t* p, size_t size);
    bool read_quant(const uint8_t* p, size_t size);
    void read_application(uint8_t marker, const uint8_t* p, size_t size);
    void choose_color();

    Bytes jpeg_;
    size_t position_ = 0;
    Frame frame_;
    ScanHeader scan_;
    TableState tables_;
    bool has_frame_ = false;
    bool has_scan_ = false;
    bool odd_application_ =
        false;  // JFIF or Adobe after the first scan, JFIF of an unknown version
};

}  // namespace pcr::decode
