// Limits that keep hostile bytes from costing unbounded time and memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pcr {

/// Scans of a JPEG: each costs a pass over all blocks, but hardly any bytes.
inline constexpr int kMaxScans = 100;

/// Pixels of a JPEG: twice Pillow's MAX_IMAGE_PIXELS.
inline constexpr int64_t kMaxPixels = 178956970;

/// Sides of a JPEG that libjpeg accepts (JPEG_MAX_DIMENSION).
inline constexpr int kMaxLibjpegSide = 65500;

/// Memory for the coefficients of a rewritten JPEG and their codes.
inline constexpr int64_t kMaxTranscodeBytes = int64_t{2} << 30;

/// Image bytes of a record.
inline constexpr uint64_t kMaxRecordBytes = uint64_t{1} << 31;

/// Images of a record: an empty entry takes two bytes of a message, but many more in memory.
inline constexpr size_t kMaxRecordImages = size_t{1} << 20;

/// Levels of a record: a level has at least one scan.
inline constexpr size_t kMaxLevels = kMaxScans;

/// Free memory that the buffer pool keeps; the rest goes back to the system.
inline constexpr size_t kMaxPooledBytes = size_t{512} << 20;

}  // namespace pcr
