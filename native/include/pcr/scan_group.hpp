// Scan groups: one level's bytes of all images of a record, as a protobuf message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"

namespace pcr {

/// Size of the ScanGroup message that holds `parts`; throws FormatError above kMaxRecordBytes.
size_t packed_size(const std::vector<ByteSpan>& parts);

/// Writes the ScanGroup message that holds `parts` into `output`, packed_size(parts) bytes.
void pack(const std::vector<ByteSpan>& parts, uint8_t* output);

}  // namespace pcr
