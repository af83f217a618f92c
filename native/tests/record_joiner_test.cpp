#include "pcr/record_joiner.hpp"

#include <protozero/pbf_writer.hpp>
#include <string>

#include "check.hpp"
#include "pcr/scan_group.hpp"

namespace {

using Parts = std::vector<std::string>;

pcr::ByteSpan span_of(const std::string& text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// The ScanGroup message of one level.
std::string pack(const Parts& parts) {
    std::vector<pcr::ByteSpan> spans;
    for (const std::string& part : parts) spans.push_back(span_of(part));
    std::string message(pcr::packed_size(spans), '\0');
    pcr::pack(spans, reinterpret_cast<uint8_t*>(message.data()));
    return message;
}

/// The RecordMetadata message of a record that holds `levels`.
std::string make_metadata(const std::vector<Parts>& levels) {
    const std::vector<int32_t> labels(levels.front().size(), 3);
    std::string metadata;
    protozero::pbf_writer writer(metadata);
    writer.add_packed_int32(1, labels.begin(), labels.end());
    writer.add_int32(2, static_cast<int32_t>(levels.size()));
    for (size_t i = 0; i < labels.size(); ++i) {
        std::vector<uint64_t> sizes;
        for (const Parts& parts : levels) sizes.push_back(parts[i].size());
        protozero::pbf_writer image(writer, 3);
        image.add_packed_uint64(6, sizes.begin(), sizes.end());
    }
    return metadata;
}

pcr::JoinedImages join(const std::string& metadata, const std::vector<std::string>& messages,
                       size_t chunk_size = 1000000) {
    pcr::RecordJoiner joiner(span_of(metadata), messages.size());
    for (size_t level = 1; level <= messages.size(); ++level) {
        const std::string& message = messages[level - 1];
        for (size_t at = 0; at < message.size(); at += chunk_size) {
            // A copy of its own, so that the sanitizer sees a read beyond it.
            const std::string chunk = message.substr(at, chunk_size);
            joiner.feed(level, span_of(chunk));
        }
    }
    return joiner.finish();
}

std::string text(const pcr::JoinedImages& joined) {
    return {reinterpret_cast<const char*>(joined.buffer.data.get()), joined.buffer.size};
}

}  // namespace

TEST_CASE(join_gathers_each_images_levels) {
    const std::vector<Parts> levels = {{"a", "bb"}, {"", "c"}};
    for (const size_t chunk_size : {1, 2, 3, 100}) {
        const pcr::JoinedImages joined =
            join(make_metadata(levels), {pack(levels[0]), pack(levels[1])}, chunk_size);
        CHECK(text(joined) ==
              "a\xFF\xD9"
              "bbc\xFF\xD9");
        CHECK((joined.offsets == std::vector<int64_t>{0, 3, 8}));
    }
}

TEST_CASE(no_images_and_no_levels) {
    CHECK((join(make_metadata({{}}), {""}).offsets == std::vector<int64_t>{0}));
    CHECK_FORMAT_ERROR(join(make_metadata({{}}), {}), "expected a record of 0");
}

TEST_CASE(levels_must_be_what_the_metadata_promises) {
    const std::string metadata = make_metadata({{"a", "b"}, {"a", "b"}});
    const std::string good = pack({"a", "b"});
    CHECK_FORMAT_ERROR(join(metadata, {good, pack({"a"})}), "level 2: expected image 1");
    CHECK_FORMAT_ERROR(join(metadata, {pack({"a"}), good}), "level 2: expected bytes of level 1");
    CHECK_FORMAT_ERROR(join(metadata, {good, pack({"a", "bc"})}), "1 bytes of image 1");
    CHECK_FORMAT_ERROR(join(metadata, {good, pack({"a", "b", "c"})}), "bytes of level 3");
}

TEST_CASE(every_truncation_is_an_error) {
    const std::vector<Parts> levels = {{std::string(300, 'x'), "ab"}};
    const std::string metadata = make_metadata(levels);
    const std::string message = pack(levels[0]);
    for (size_t size = 0; size < message.size(); ++size) {
        CHECK_FORMAT_ERROR(join(metadata, {message.substr(0, size)}), "level 1");
    }
    for (size_t size = 0; size < metadata.size(); ++size) {
        CHECK_FORMAT_ERROR(join(metadata.substr(0, size), {message}), "");
    }
}

/// Whoever reads protobuf must take both.
TEST_CASE(numbers_may_be_packed_or_not) {
    std::string metadata;
    protozero::pbf_writer writer(metadata);
    const std::vector<int32_t> packed = {4};
    writer.add_int32(1, -7);
    writer.add_packed_int32(1, packed.begin(), packed.end());
    writer.add_int32(2, 2);
    for (int i = 0; i < 2; ++i) {
        protozero::pbf_writer image(writer, 3);
        const std::vector<uint64_t> second = {1};
        image.add_uint64(6, 2);
        image.add_packed_uint64(6, second.begin(), second.end());
    }
    CHECK(text(join(metadata, {pack({"aa", "bb"}), pack({"c", "d"})})) ==
          "aac\xFF\xD9"
          "bbd\xFF\xD9");
    const pcr::RecordJoiner joiner(span_of(metadata), 2);
    CHECK((joiner.labels() == std::vector<int32_t>{-7, 4}));
}

TEST_CASE(returned_buffers_are_used_again) {
    const std::vector<Parts> levels = {{std::string(100000, 'x')}};
    const std::string metadata = make_metadata(levels);
    const std::string message = pack(levels[0]);
    const uint8_t* first = join(metadata, {message}).buffer.data.get();
    const auto second = join(metadata, {message});
    const auto third = join(metadata, {message});
    CHECK(second.buffer.data.get() == first);
    CHECK(third.buffer.data.get() != first);
}
