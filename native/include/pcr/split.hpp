// Where the scans of a JPEG begin and end.
#pragma once

#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"

namespace pcr {

/// Borders b[0] … b[n] of a JPEG's n scans: b[0] = 0 (the headers belong to the first scan), b[i] =
/// end of scan i - 1's image data = where scan i's tables begin, b[n] = offset of EOI. What follows
/// EOI is ignored. Throws FormatError.
std::vector<int64_t> split(ByteSpan jpeg);

}  // namespace pcr
