// Scan groups: one level's bytes of all images of a record, as a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pcr/buffer_pool.hpp"
#include "pcr/bytes.hpp"
#include "pcr/limits.hpp"

namespace pcr {

struct JoinedImages {
    PooledBytes buffer;            // the images' JPEGs, one after another
    std::vector<int64_t> offsets;  // image i is buffer[offsets[i], offsets[i + 1])
};

/// Joins the serialized ScanGroup messages of levels 1 … n: image i becomes its bytes of every
/// level in order, and EOI. The image bytes are copied once. Throws FormatError where a message is
/// malformed, the levels differ in their number of images, or the images exceed a limit.
JoinedImages join(const std::vector<ByteSpan>& groups);

/// Size of the ScanGroup message that holds `parts`; throws FormatError above kMaxRecordBytes.
size_t packed_size(const std::vector<ByteSpan>& parts);

/// Writes the ScanGroup message that holds `parts` into `output`, packed_size(parts) bytes.
void pack(const std::vector<ByteSpan>& parts, uint8_t* output);

}  // namespace pcr
