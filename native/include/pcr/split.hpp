#pragma once

#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"

namespace pcr {

/// A JPEG with more scans is refused: each costs a pass over all blocks, but hardly any bytes.
constexpr int kMaxScans = 100;

/// Borders b[0] … b[n] of a JPEG's n scans: b[0] = 0 (the headers belong to the first scan), b[i] =
/// end of scan i - 1's image data = where scan i's tables begin, b[n] = offset of EOI. What follows
/// EOI is ignored. Throws FormatError.
std::vector<std::int64_t> split(ByteSpan jpeg);

}  // namespace pcr
