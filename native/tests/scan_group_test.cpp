#include "pcr/scan_group.hpp"

#include <string>

#include "check.hpp"
#include "make_jpeg.hpp"

namespace {

using Parts = std::vector<std::vector<uint8_t>>;

std::vector<pcr::ByteSpan> spans_of(const Parts& parts) {
    std::vector<pcr::ByteSpan> spans;
    for (const auto& part : parts) spans.push_back(span_of(part));
    return spans;
}

std::vector<uint8_t> pack(const Parts& parts) {
    std::vector<uint8_t> message(pcr::packed_size(spans_of(parts)));
    pcr::pack(spans_of(parts), message.data());
    return message;
}

std::string text(const pcr::JoinedImages& joined) {
    return {reinterpret_cast<const char*>(joined.buffer.data.get()), joined.buffer.size};
}

}  // namespace

TEST_CASE(join_gathers_each_images_levels) {
    const Parts messages = {pack({{'a'}, {'b', 'b'}}), pack({{}, {'c'}})};
    const pcr::JoinedImages joined = pcr::join(spans_of(messages));
    CHECK(text(joined) ==
          "a\xFF\xD9"
          "bbc\xFF\xD9");
    CHECK((joined.offsets == std::vector<int64_t>{0, 3, 8}));
}

TEST_CASE(no_images_and_no_levels) {
    CHECK((pcr::join({pcr::ByteSpan{}}).offsets == std::vector<int64_t>{0}));
    CHECK_FORMAT_ERROR(pcr::join({}), "at least one");
}

TEST_CASE(levels_must_agree) {
    const Parts messages = {pack({{'a'}, {'b'}}), pack({{'a'}})};
    CHECK_FORMAT_ERROR(pcr::join(spans_of(messages)), "level 2: expected 2 images, found 1");
}

TEST_CASE(every_truncation_of_a_message_is_safe) {
    const auto message = pack({std::vector<uint8_t>(300, 7), {1, 2}});
    for (size_t size = 0; size < message.size(); ++size) {
        const Parts truncated = {{message.begin(), message.begin() + size}};
        try {
            CHECK(pcr::join(spans_of(truncated)).buffer.size <= size + 4);
        } catch (const pcr::FormatError&) {
        }
    }
}

TEST_CASE(returned_buffers_are_used_again) {
    const auto message = pack({std::vector<uint8_t>(100000, 7)});
    const uint8_t* first = pcr::join({span_of(message)}).buffer.data.get();
    const auto second = pcr::join({span_of(message)});
    const auto third = pcr::join({span_of(message)});
    CHECK(second.buffer.data.get() == first);
    CHECK(third.buffer.data.get() != first);
}
