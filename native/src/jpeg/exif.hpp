// Which way up EXIF says that a picture is shown.
#pragma once

#include <cstdint>

#include "pcr/bytes.hpp"

namespace pcr {

/// Whether an APP1 payload is EXIF.
bool is_exif(ByteSpan app1);

/// EXIF orientation (1 … 8) of an EXIF APP1 payload; 1 where it is absent or invalid.
/// Source: CIPA DC-008 (Exif 2.3), 4.6.2 and tag 0x0112, which is a SHORT; some writers make it a
/// LONG, and decoders take that too.
int32_t exif_orientation(ByteSpan app1);

}  // namespace pcr
