// Any bytes are either refused, or become a JPEG that a second pass leaves as it is; the native
// coder does with them what libjpeg does, to the byte.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "pcr/error.hpp"
#include "pcr/header.hpp"
#include "pcr/transcode.hpp"

namespace {

const pcr::ScanScripts kScripts = {
    {1, {{1, 0, 0, 0, 0, 0, 0, 0, 1}, {1, 0, 0, 0, 0, 0, 0, 1, 0}, {1, 0, 0, 0, 0, 1, 63, 0, 0}}},
    {3,
     {{3, 0, 1, 2, 0, 0, 0, 0, 0},
      {1, 0, 0, 0, 0, 1, 63, 0, 1},
      {1, 1, 0, 0, 0, 1, 63, 0, 0},
      {1, 2, 0, 0, 0, 1, 63, 0, 0},
      {1, 0, 0, 0, 0, 1, 63, 1, 0}}},
    {4, {}}};

std::optional<pcr::Bytes> transcode(pcr::ByteSpan jpeg, pcr::TranscodeOptions options,
                                    pcr::Coder coder) {
    options.coder = coder;
    try {
        return pcr::transcode(jpeg, kScripts, options);
    } catch (const pcr::FormatError&) {
        return std::nullopt;
    }
}

int longest_side(pcr::ByteSpan jpeg) {
    const pcr::Header header = pcr::read_header(jpeg);
    return std::max(header.width, header.height);
}

void check_same(const std::optional<pcr::Bytes>& a, const std::optional<pcr::Bytes>& b) {
    if (a.has_value() != b.has_value()) std::abort();
    if (a && (a->size != b->size || std::memcmp(a->data.get(), b->data.get(), a->size) != 0)) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    pcr::TranscodeOptions options;
    options.copy_markers = static_cast<pcr::CopyMarkers>(data[size - 1] % 3);
    options.max_pixels = 1 << 18;
    const auto result = transcode({data, size}, options, pcr::Coder::kNative);
    const auto reference = transcode({data, size}, options, pcr::Coder::kLibjpeg);
    if (reference || !result || longest_side(result->span()) <= 65500) {  // libjpeg's limit
        check_same(result, reference);
    }
    if (result) {
        check_same(transcode(result->span(), options, pcr::Coder::kNative), result);
    }
    return 0;
}
