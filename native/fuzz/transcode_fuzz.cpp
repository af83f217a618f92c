// Any bytes are either refused, or become a JPEG that shows the same pixels and that a second pass
// leaves as it is; the native coder does with them what libjpeg does, to the byte.

#include <cstdlib>
#include <cstring>
#include <optional>
#include <vector>

#include "libjpeg_limit.hpp"
#include "pcr/decode_rgb.hpp"
#include "pcr/error.hpp"
#include "pcr/transcode.hpp"

namespace {

const pcr::ScanScripts kScripts = {
    {1, {{1, {0}, 0, 0, 0, 1}, {1, {0}, 0, 0, 1, 0}, {1, {0}, 1, 63, 0, 0}}},
    {3,
     {{3, {0, 1, 2}, 0, 0, 0, 0},
      {1, {0}, 1, 63, 0, 1},
      {1, {1}, 1, 63, 0, 0},
      {1, {2}, 1, 63, 0, 0},
      {1, {0}, 1, 63, 1, 0}}},
    {4, {}}};

std::optional<pcr::Transcoded> transcode(pcr::ByteSpan jpeg, pcr::TranscodeOptions options,
                                         pcr::Codec coder) {
    options.coder = coder;
    try {
        return pcr::transcode(jpeg, kScripts, options);
    } catch (const pcr::FormatError&) {
        return std::nullopt;
    }
}

void check_same(const std::optional<pcr::Transcoded>& a, const std::optional<pcr::Transcoded>& b) {
    if (a.has_value() != b.has_value() || (a && a->borders != b->borders)) std::abort();
    if (a && (a->jpeg.size != b->jpeg.size ||
              std::memcmp(a->jpeg.data.get(), b->jpeg.data.get(), a->jpeg.size) != 0)) {
        std::abort();
    }
}

/// As libjpeg shows it to most programs: with block smoothing.
std::vector<uint8_t> pixels(pcr::ByteSpan jpeg) {
    return pcr::decode_rgb(jpeg, {pcr::Codec::kLibjpeg, true}, 1).pixels;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    pcr::TranscodeOptions options;
    options.copy_markers = static_cast<pcr::CopyMarkers>(data[size - 1] % 3);
    options.restart_rows = data[size - 1] / 3 % 4;
    options.max_pixels = 1 << 18;
    const auto result = transcode({data, size}, options, pcr::Codec::kNative);
    const auto reference = transcode({data, size}, options, pcr::Codec::kLibjpeg);
    if (reference || !result || within_libjpegs_limit(result->jpeg.span())) {
        check_same(result, reference);
    }
    if (!result) return 0;
    check_same(transcode(result->jpeg.span(), options, pcr::Codec::kNative), result);
    if (reference && pixels({data, size}) != pixels(result->jpeg.span())) std::abort();
    return 0;
}
