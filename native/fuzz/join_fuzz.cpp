// Any messages are either refused, or joined into images that end in EOI and fill the buffer.

#include "check_joined.hpp"
#include "pcr/error.hpp"
#include "pcr/scan_group.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const pcr::ByteSpan messages{data + 1, size - 1};
    const size_t border = messages.size * data[0] / 256;
    const std::vector<pcr::ByteSpan> groups = {messages.subspan(0, border),
                                               messages.subspan(border, messages.size - border)};
    try {
        check_joined(pcr::join(groups));
    } catch (const pcr::FormatError&) {
    }
    return 0;
}
