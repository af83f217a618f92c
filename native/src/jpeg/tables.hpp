// The tables and scan parameters that a JPEG's segments define.
#pragma once

#include <array>
#include <cstdint>

#include "jpeg/frame.hpp"
#include "pcr/scan_script.hpp"

namespace pcr {

/// A Huffman table as a DHT segment defines it.
struct HuffmanSpec {
    bool defined = false;
    std::array<uint8_t, 17> counts{};  // codes of each length, 1 … 16
    std::array<uint8_t, 256> symbols{};
};

/// Tables as they stand at one point of the stream.
struct TableState {
    std::array<HuffmanSpec, 4> dc;
    std::array<HuffmanSpec, 4> ac;
    std::array<QuantTable, 4> quant{};
    std::array<bool, 4> quant_defined{};
    uint32_t restart_interval = 0;
};

/// The parameters of one SOS segment.
struct ScanHeader : ScanSpec {
    std::array<uint8_t, kMaxComponents> dc_table{};
    std::array<uint8_t, kMaxComponents> ac_table{};
};

}  // namespace pcr
