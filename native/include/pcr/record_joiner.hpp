// Joins a record's scan groups into JPEGs while they are being read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "pcr/buffer_pool.hpp"
#include "pcr/bytes.hpp"

namespace pcr {

struct JoinedImages {
    PooledBytes buffer;            // the images' JPEGs, one after another
    std::vector<int64_t> offsets;  // image i is buffer[offsets[i], offsets[i + 1])
};

/// Joins levels 1 … n: image i becomes its bytes of every level in order, and EOI. The scan groups
/// come in chunks of any size, and each byte goes from the chunk, while it is in the processor's
/// cache, to its place among the images. The record's metadata says beforehand how many bytes of
/// which image each level has.
class RecordJoiner {
  public:
    /// `metadata` is the serialized RecordMetadata. Throws FormatError where it is malformed, has
    /// fewer than `levels` levels, or promises more than kMaxRecordBytes.
    RecordJoiner(ByteSpan metadata, size_t levels);

    /// Takes the next bytes of the ScanGroup message of `level` (1 … levels, ascending); throws
    /// FormatError where they are not what the metadata promised.
    void feed(size_t level, ByteSpan chunk);

    /// The joined images; throws FormatError where bytes are missing. Ends the joiner's use.
    JoinedImages finish();

    const std::vector<int32_t>& labels() const { return labels_; }

  private:
    void read_metadata(ByteSpan metadata);
    void read_level_bytes(ByteSpan image);
    void lay_out();
    size_t take_length(ByteSpan chunk);
    void next_image();

    size_t levels_;
    size_t levels_of_record_ = 0;
    std::vector<int32_t> labels_;
    std::vector<uint64_t> level_bytes_;  // [images, levels]
    JoinedImages joined_;
    std::vector<size_t> ends_;  // where the next byte of each image goes
    size_t level_ = 1;
    size_t image_ = 0;
    uint64_t remaining_ = 0;       // of the current image's bytes
    std::vector<uint8_t> header_;  // the field key and length that come before them, so far
};

}  // namespace pcr
