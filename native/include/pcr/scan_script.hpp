// Scan scripts: which coefficients each scan of a rewritten JPEG codes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

namespace pcr {

/// One scan, as an SOS segment describes it (ITU-T T.81, B.2.3).
struct ScanSpec {
    int32_t count = 0;                    // number of components
    std::array<int32_t, 4> components{};  // their indices in the frame
    int32_t first = 0;                    // Ss: the first coefficient, in zigzag order
    int32_t last = 0;                     // Se: the last one
    int32_t high = 0;                     // Ah: the bit that the scan before it stopped at; 0: none
    int32_t low = 0;                      // Al: the bit that this scan stops at
};

using ScanScript = std::vector<ScanSpec>;

/// The script for each number of components; an empty one asks for a sequential JPEG.
using ScanScripts = std::map<int32_t, ScanScript>;

}  // namespace pcr
