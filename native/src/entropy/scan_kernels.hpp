// The inner loops of entropy decoding, one per kind of scan. Each decodes a run of MCUs that lie
// within one restart interval; see ITU-T T.81, sections F.2 (sequential) and G.1.2 (progressive).
#pragma once

#include <array>
#include <cstdint>

#include "entropy/bit_reader.hpp"
#include "entropy/coefficient_store.hpp"
#include "entropy/coefficient_table.hpp"
#include "entropy/huffman_table.hpp"
#include "entropy/refinement_table.hpp"

namespace pcr {

enum class SegmentEnd {
    kComplete,
    kExhausted,  // the data ended early: zero bits finished one MCU, the rest is untouched (as in
                 // libjpeg)
    kIrregular   // something that only damaged data holds; libjpeg's answer is needed
};

/// A progressive AC scan: one component, one spectral band.
struct BandScan {
    CoefficientPlane plane;
    uint32_t width_in_blocks = 0;
    int first = 1;                                // Ss
    int last = 63;                                // Se
    int shift = 0;                                // Al
    const CoefficientTable* table = nullptr;      // of a first scan
    const RefinementTable* refinement = nullptr;  // of a refinement scan, read lowest bit first
};

/// Where the MCU's n-th block lies and how it is coded.
struct BlockSlot {
    CoefficientPlane plane;
    uint32_t offset_x = 0;
    uint32_t offset_y = 0;
    uint32_t step_x = 1;  // blocks per MCU
    uint32_t step_y = 1;
    int predictor = 0;  // which component of the scan
    const HuffmanTable* dc_table = nullptr;
    const CoefficientTable* ac_table = nullptr;

    size_t block(uint64_t row, uint64_t column) const {
        return (row * step_y + offset_y) * plane.stride + column * step_x + offset_x;
    }
};

/// A DC scan or a sequential scan: one or more components.
struct McuScan {
    std::array<BlockSlot, kMaxBlocksInMcu> slots;
    int num_slots = 0;
    uint32_t mcus_per_row = 0;
    int shift = 0;  // Al
};

struct ScanKernels {
    using DecodeMcus = SegmentEnd (*)(BitReader&, const McuScan&, uint64_t first, uint64_t count);
    using DecodeBand = SegmentEnd (*)(BitReader&, const BandScan&, uint64_t first, uint64_t count);
    DecodeMcus sequential;
    DecodeMcus dc_first;
    DecodeMcus dc_refine;
    DecodeBand ac_first;
    DecodeBand ac_refine;
};

/// The kernels for this processor. They leave the reader after the last bit that they used.
const ScanKernels& scan_kernels();

}  // namespace pcr
