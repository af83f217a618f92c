// The MCUs of a scan, and where restart markers stand between them (ITU-T T.81, A.2 and B.2.4.4).
#pragma once

#include <cstddef>
#include <cstdint>

#include "jpeg/frame.hpp"
#include "pcr/scan_script.hpp"

namespace pcr {

struct ScanGrid {
    uint32_t rows = 0;          // of MCUs; a scan of one component has MCUs of one block
    uint32_t columns = 0;       // MCUs per row
    uint32_t restart_rows = 0;  // rows between restart markers, 0: none

    bool restarts_before(size_t row) const {
        return restart_rows > 0 && row > 0 && row % restart_rows == 0;
    }

    /// MCUs between restart markers, as a DRI segment gives them.
    uint32_t restart_interval() const { return restart_rows * columns; }
};

/// The grid of one scan, with a restart marker after each `mcu_rows` MCU rows of the picture.
ScanGrid scan_grid(const Frame& frame, const ScanSpec& scan, uint32_t mcu_rows);

/// Rows of a scan that cover as much of the picture as `mcu_rows` MCU rows: more in a scan of one
/// component, with `v` block rows in each of them.
inline uint32_t rows_of_scan(uint32_t mcu_rows, int components, uint32_t v) {
    return components == 1 ? mcu_rows * v : mcu_rows;
}

/// How many MCU rows a restart interval covers where `wanted` are asked for: none where the
/// picture has no more than that, and fewer where a component's blocks in them, `blocks_per_row`
/// in each, are more than a DRI segment can count. A row alone always fits.
uint32_t fitting_restart_rows(uint32_t wanted, uint32_t mcu_rows, uint32_t blocks_per_row);

/// The same for a frame.
uint32_t fitting_restart_rows(uint32_t wanted, const Frame& frame);

}  // namespace pcr
