#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "pcr/bytes.hpp"

namespace pcr {

/// One scan of a script: number of components, their four indices, Ss, Se, Ah, Al.
using ScanRow = std::array<std::int32_t, 9>;
using ScanScript = std::vector<ScanRow>;

/// The script of each number of components; an empty one asks for a sequential JPEG.
using ScanScripts = std::map<std::int32_t, ScanScript>;

enum class CopyMarkers {
    kNone,  // only what decoding needs: JFIF and Adobe
    kExif,  // and EXIF
    kAll,   // and every other APPn and COM
};

enum class Coder {
    kNative,  // falls back to libjpeg where a stream is damaged or of a rare kind
    kLibjpeg  // the reference: the same bytes, more slowly
};

struct TranscodeOptions {
    Coder coder = Coder::kNative;
    CopyMarkers copy_markers = CopyMarkers::kNone;
    std::int64_t max_pixels = 178956970;                    // Pillow's MAX_IMAGE_PIXELS × 2
    std::int64_t max_memory_bytes = std::int64_t{2} << 30;  // for coefficients and their codes
};

/// Rewrites a JPEG losslessly: the same quantized coefficients, in the scans of the script for its
/// number of components, with optimized Huffman tables. Throws FormatError where the JPEG is
/// damaged (a libjpeg warning counts), of an unsupported kind, or beyond a limit.
Bytes transcode(ByteSpan jpeg, const ScanScripts& scripts, const TranscodeOptions& options);

}  // namespace pcr
