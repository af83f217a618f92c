#include "jpeg/progression.hpp"

namespace pcr {

bool Progression::add(const ScanSpec& scan) {
    if (scan.first < 0 || scan.first > scan.last || scan.last > 63) return false;
    if (scan.low < 0 || scan.low > max_low_) return false;
    if (scan.first == 0 ? scan.last != 0 : scan.count != 1) return false;
    if (scan.high != 0 && scan.low != scan.high - 1) return false;
    for (int i = 0; i < scan.count; ++i) {
        auto& low = low_[scan.components[i]];
        if (scan.first > 0 && low[0] < 0) return false;
        for (int k = scan.first; k <= scan.last; ++k) {
            if (low[k] != (scan.high == 0 ? -1 : scan.high)) return false;
            low[k] = static_cast<int8_t>(scan.low);
        }
    }
    return true;
}

}  // namespace pcr
