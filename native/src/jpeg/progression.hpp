// Whether the scans of a progressive JPEG follow from each other.
#pragma once

#include <array>
#include <cstdint>

#include "jpeg/frame.hpp"
#include "pcr/scan_script.hpp"

namespace pcr {

/// Each scan must continue where the scans before it stopped (ITU-T T.81, G.1.1.1).
class Progression {
  public:
    /// `max_low` is the greatest Al that is allowed.
    explicit Progression(int max_low) : max_low_(max_low) { reset(); }

    void reset() {
        for (auto& bits : low_) bits.fill(-1);
    }

    /// Takes a scan, its components within the frame; false where it is out of place.
    bool add(const ScanSpec& scan);

    bool has_dc(int component) const { return low_[component][0] >= 0; }

  private:
    int max_low_;
    std::array<std::array<int8_t, 64>, kMaxComponents> low_;  // Al so far, -1: not coded yet
};

}  // namespace pcr
