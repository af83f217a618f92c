// Any bytes are either refused, or split into scans that lie within them.

#include <cstdlib>

#include "pcr/error.hpp"
#include "pcr/header.hpp"
#include "pcr/split.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        static_cast<void>(pcr::read_header({data, size}));
    } catch (const pcr::FormatError&) {
    }
    try {
        const auto borders = pcr::split({data, size});
        for (size_t i = 1; i < borders.size(); ++i) {
            if (borders[i] <= borders[i - 1] || borders[i] + 2 > static_cast<int64_t>(size)) {
                std::abort();
            }
        }
    } catch (const pcr::FormatError&) {
    }
    return 0;
}
