#include "encode/scan_grid.hpp"

#include <algorithm>

namespace pcr {
namespace {

constexpr uint32_t kMaxRestartInterval = 0xFFFF;

}  // namespace

ScanGrid scan_grid(const Frame& frame, const ScanSpec& scan, uint32_t mcu_rows) {
    const Component& first = frame.components[scan.components[0]];
    const uint32_t restart_rows = rows_of_scan(mcu_rows, scan.count, first.v);
    if (scan.count == 1) return {first.height_in_blocks, first.width_in_blocks, restart_rows};
    return {frame.mcu_rows(), frame.mcus_per_row(), restart_rows};
}

uint32_t fitting_restart_rows(uint32_t wanted, uint32_t mcu_rows, uint32_t blocks_per_row) {
    return wanted < mcu_rows ? std::min(wanted, kMaxRestartInterval / blocks_per_row) : 0;
}

uint32_t fitting_restart_rows(uint32_t wanted, const Frame& frame) {
    uint32_t blocks_per_row = 1;
    for (int i = 0; i < frame.num_components; ++i) {
        const Component& component = frame.components[i];
        blocks_per_row = std::max(blocks_per_row, component.v * component.width_in_blocks);
    }
    return fitting_restart_rows(wanted, frame.mcu_rows(), blocks_per_row);
}

}  // namespace pcr
