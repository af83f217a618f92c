// Any bytes are either refused, or become a JPEG that a second pass leaves as it is.

#include <cstdlib>
#include <cstring>

#include "pcr/error.hpp"
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    pcr::TranscodeOptions options;
    options.copy_markers = static_cast<pcr::CopyMarkers>(data[size - 1] % 3);
    options.max_pixels = 1 << 18;
    pcr::Bytes first;
    try {
        first = pcr::transcode({data, size}, kScripts, options);
    } catch (const pcr::FormatError&) {
        return 0;
    }
    const pcr::Bytes second = pcr::transcode(first.span(), kScripts, options);
    if (second.size != first.size ||
        std::memcmp(second.data.get(), first.data.get(), first.size) != 0) {
        std::abort();
    }
    return 0;
}
