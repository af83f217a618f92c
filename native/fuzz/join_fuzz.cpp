// Any messages are either refused, or joined into images that end in EOI and fill the buffer.

#include <cstdlib>

#include "pcr/error.hpp"
#include "pcr/scan_group.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const pcr::ByteSpan messages{data + 1, size - 1};
    const std::size_t border = messages.size * data[0] / 256;
    const std::vector<pcr::ByteSpan> groups = {messages.subspan(0, border),
                                               messages.subspan(border, messages.size - border)};
    try {
        const pcr::JoinedImages joined = pcr::join(groups);
        for (std::size_t i = 1; i < joined.offsets.size(); ++i) {
            const std::int64_t end = joined.offsets[i];
            if (end < joined.offsets[i - 1] + 2 || joined.buffer.data[end - 1] != 0xD9) {
                std::abort();
            }
        }
        if (joined.offsets.back() != static_cast<std::int64_t>(joined.buffer.size)) {
            std::abort();
        }
    } catch (const pcr::FormatError&) {
    }
    return 0;
}
