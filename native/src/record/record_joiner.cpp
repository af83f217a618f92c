#include "pcr/record_joiner.hpp"

#include <algorithm>
#include <cstring>
#include <protozero/pbf_message.hpp>
#include <protozero/varint.hpp>
#include <string>

#include "pcr/error.hpp"
#include "pcr/limits.hpp"

namespace pcr {
namespace {

// Field numbers of proto/pcr.proto.
enum class RecordField : protozero::pbf_tag_type { kLabels = 1, kLevels = 2, kImages = 3 };
enum class ImageField : protozero::pbf_tag_type { kLevelBytes = 6 };
constexpr uint8_t kImageBytesKey = 1 << 3 | 2;  // ScanGroup.image_bytes, length-delimited

constexpr uint8_t kEndOfImage[] = {0xFF, 0xD9};

const char* chars(ByteSpan bytes) { return reinterpret_cast<const char*>(bytes.data); }

void check_images(size_t images) {
    if (images > kMaxRecordImages) {
        throw FormatError("record of more than " + std::to_string(kMaxRecordImages) + " images");
    }
}

ByteSpan span(protozero::data_view view) {
    return {reinterpret_cast<const uint8_t*>(view.data()), view.size()};
}

using protozero::tag_and_type;
constexpr auto kVarint = protozero::pbf_wire_type::varint;
constexpr auto kLengthDelimited = protozero::pbf_wire_type::length_delimited;

}  // namespace

RecordJoiner::RecordJoiner(ByteSpan metadata, size_t levels) : levels_(levels) {
    try {
        read_metadata(metadata);
    } catch (const protozero::exception& e) {
        throw FormatError(std::string("malformed record metadata (") + e.what() + ")");
    }
    lay_out();
}

void RecordJoiner::read_metadata(ByteSpan metadata) {
    protozero::pbf_message<RecordField> levels({chars(metadata), metadata.size});
    while (levels.next(RecordField::kLevels, kVarint)) {
        levels_of_record_ = levels.get_uint32();
    }
    if (levels_ < 1 || levels_ > levels_of_record_ || levels_of_record_ > kMaxLevels) {
        throw FormatError("expected a record of " + std::to_string(levels_) + " to " +
                          std::to_string(kMaxLevels) + " levels, found " +
                          std::to_string(levels_of_record_));
    }
    protozero::pbf_message<RecordField> message({chars(metadata), metadata.size});
    const auto add_label = [this](int32_t label) {
        labels_.push_back(label);
        check_images(labels_.size());
    };
    while (message.next()) {
        // Whoever reads protobuf must take numbers that are packed and such that are not.
        if (message.tag_and_type() == tag_and_type(RecordField::kLabels, kLengthDelimited)) {
            for (const int32_t label : message.get_packed_int32()) add_label(label);
        } else if (message.tag_and_type() == tag_and_type(RecordField::kLabels, kVarint)) {
            add_label(message.get_int32());
        } else if (message.tag_and_type() == tag_and_type(RecordField::kImages, kLengthDelimited)) {
            read_level_bytes(span(message.get_view()));
            check_images(level_bytes_.size() / levels_of_record_);
        } else {
            message.skip();
        }
    }
    if (level_bytes_.size() != labels_.size() * levels_of_record_) {
        throw FormatError("expected " + std::to_string(levels_of_record_) + " sizes for each of " +
                          std::to_string(labels_.size()) + " images, found " +
                          std::to_string(level_bytes_.size()) + " in all");
    }
}

void RecordJoiner::read_level_bytes(ByteSpan image) {
    protozero::pbf_message<ImageField> message({chars(image), image.size});
    size_t found = 0;
    const auto add_size = [&](uint64_t size) {
        if (++found <= levels_of_record_) level_bytes_.push_back(size);
    };
    while (message.next()) {
        if (message.tag_and_type() == tag_and_type(ImageField::kLevelBytes, kLengthDelimited)) {
            for (const uint64_t size : message.get_packed_uint64()) add_size(size);
        } else if (message.tag_and_type() == tag_and_type(ImageField::kLevelBytes, kVarint)) {
            add_size(message.get_uint64());
        } else {
            message.skip();
        }
    }
    if (found != levels_of_record_) {
        throw FormatError("expected " + std::to_string(levels_of_record_) +
                          " sizes of an image, found " + std::to_string(found));
    }
}

/// Offsets of the images from their sizes, summed without overflow, and the buffer for them.
void RecordJoiner::lay_out() {
    uint64_t end = 0;
    joined_.offsets.reserve(labels_.size() + 1);
    joined_.offsets.push_back(0);
    for (size_t image = 0; image < labels_.size(); ++image) {
        ends_.push_back(end);
        for (size_t level = 0; level < levels_; ++level) {
            const uint64_t size = level_bytes_[image * levels_of_record_ + level];
            if (size > kMaxRecordBytes || (end += size) > kMaxRecordBytes) {
                throw FormatError("record promises more image bytes than the limit of " +
                                  std::to_string(kMaxRecordBytes));
            }
        }
        end += sizeof(kEndOfImage);
        joined_.offsets.push_back(static_cast<int64_t>(end));
    }
    joined_.buffer = take_from_pool(end);
    if (labels_.empty()) level_ = levels_ + 1;
}

void RecordJoiner::feed(size_t level, ByteSpan chunk) {
    while (chunk.size > 0) {
        if (level != level_) {
            throw FormatError("scan group of level " + std::to_string(level) +
                              ": expected bytes of level " + std::to_string(level_));
        }
        if (remaining_ == 0) {
            const size_t taken = take_length(chunk);
            chunk = chunk.subspan(taken, chunk.size - taken);
            continue;
        }
        const auto count = static_cast<size_t>(std::min<uint64_t>(remaining_, chunk.size));
        std::memcpy(joined_.buffer.data.get() + ends_[image_], chunk.data, count);
        ends_[image_] += count;
        remaining_ -= count;
        chunk = chunk.subspan(count, chunk.size - count);
        if (remaining_ == 0) next_image();
    }
}

/// Reads the field key and the length in front of an image's bytes, which may end with the chunk.
size_t RecordJoiner::take_length(ByteSpan chunk) {
    uint8_t expected[1 + protozero::max_varint_length] = {kImageBytesKey};
    const uint64_t length = level_bytes_[image_ * levels_of_record_ + level_ - 1];
    auto* varint = reinterpret_cast<char*>(expected + 1);
    const size_t size = 1 + protozero::add_varint_to_buffer(varint, length);
    const size_t count = std::min(size - header_.size(), chunk.size);
    if (std::memcmp(expected + header_.size(), chunk.data, count) != 0) {
        throw FormatError("scan group of level " + std::to_string(level_) + ": expected " +
                          std::to_string(length) + " bytes of image " + std::to_string(image_) +
                          ", found something else");
    }
    header_.insert(header_.end(), chunk.data, chunk.data + count);
    if (header_.size() == size) {
        header_.clear();
        remaining_ = length;
        if (length == 0) next_image();
    }
    return count;
}

void RecordJoiner::next_image() {
    if (++image_ == labels_.size()) {
        image_ = 0;
        ++level_;
    }
}

JoinedImages RecordJoiner::finish() {
    if (level_ != levels_ + 1) {
        throw FormatError("scan group of level " + std::to_string(level_) + ": expected image " +
                          std::to_string(image_) + ", found the end");
    }
    for (const size_t end : ends_) {
        std::memcpy(joined_.buffer.data.get() + end, kEndOfImage, sizeof(kEndOfImage));
    }
    return std::move(joined_);
}

}  // namespace pcr
