// Rewrites a JPEG's scans without loss.
#pragma once

#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"
#include "pcr/codec.hpp"
#include "pcr/header.hpp"
#include "pcr/limits.hpp"
#include "pcr/scan_script.hpp"

namespace pcr {

enum class CopyMarkers {
    kNone,  // only what decoding needs: JFIF and Adobe
    kExif,  // and EXIF
    kAll,   // and every other APPn and COM; those after the first scan come after the last
};

struct TranscodeOptions {
    Codec coder = Codec::kNative;
    CopyMarkers copy_markers = CopyMarkers::kNone;
    uint32_t restart_rows = 0;  // MCU rows of the picture between restart markers, 0: none
    int64_t max_pixels = kMaxPixels;
    int64_t max_memory_bytes = kMaxTranscodeBytes;
};

struct Transcoded {
    Bytes jpeg;
    std::vector<int64_t> borders;  // of its scans, as split() gives them
    Header source;                 // of the JPEG that it was made from
};

/// Rewrites a JPEG: the same quantised coefficients, in the scans of the script for its number of
/// components, with optimised Huffman tables. Restart markers come after the same rows of the
/// picture in each scan. Throws FormatError where the JPEG is damaged (a libjpeg warning counts),
/// incomplete, of an unsupported kind, or beyond a limit.
Transcoded transcode(ByteSpan jpeg, const ScanScripts& scripts, const TranscodeOptions& options);

}  // namespace pcr
