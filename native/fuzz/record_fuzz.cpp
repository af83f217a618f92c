// Any record is either refused, or joined into images that end in EOI and fill the buffer.
//
// Input: levels, chunk size, size of the metadata, the metadata; then for each level a size and
// that many bytes of its message, which are fed chunk by chunk. Each number is one byte.

#include <algorithm>

#include "check_joined.hpp"
#include "pcr/error.hpp"
#include "pcr/record_joiner.hpp"

namespace {

class Input {
  public:
    explicit Input(pcr::ByteSpan bytes) : rest_(bytes) {}

    size_t number() {
        const pcr::ByteSpan byte = bytes(1);
        return byte.size > 0 ? byte.data[0] : 0;
    }

    pcr::ByteSpan bytes(size_t size) {
        size = std::min(size, rest_.size);
        const pcr::ByteSpan taken = rest_.subspan(0, size);
        rest_ = rest_.subspan(size, rest_.size - size);
        return taken;
    }

  private:
    pcr::ByteSpan rest_;
};

pcr::JoinedImages join(Input input) {
    const size_t levels = input.number();
    const size_t chunk_size = input.number() + 1;
    pcr::RecordJoiner joiner(input.bytes(input.number()), levels);
    for (size_t level = 1; level <= levels; ++level) {
        Input message(input.bytes(input.number()));
        for (pcr::ByteSpan chunk; (chunk = message.bytes(chunk_size)).size > 0;) {
            joiner.feed(level, chunk);
        }
    }
    return joiner.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    try {
        check_joined(join(Input({data, size})));
    } catch (const pcr::FormatError&) {
    }
    return 0;
}
