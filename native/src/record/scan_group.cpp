#include "pcr/scan_group.hpp"

#include <cstring>
#include <protozero/basic_pbf_writer.hpp>
#include <protozero/buffer_fixed.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/varint.hpp>
#include <string>

#include "pcr/error.hpp"

namespace pcr {
namespace {

constexpr protozero::pbf_tag_type kImageBytesField = 1;  // ScanGroup.image_bytes in proto/pcr.proto
constexpr uint8_t kEndOfImage[] = {0xFF, 0xD9};

[[noreturn]] void fail_level(size_t level, const std::string& what) {
    throw FormatError("scan group of level " + std::to_string(level) + ": " + what);
}

/// The entries of one level's message, one after another.
class GroupReader {
  public:
    GroupReader(ByteSpan message, size_t level)
        : reader_(reinterpret_cast<const char*>(message.data), message.size), level_(level) {}

    bool next(ByteSpan& part) {
        try {
            if (!reader_.next(kImageBytesField, protozero::pbf_wire_type::length_delimited)) {
                return false;
            }
            const protozero::data_view view = reader_.get_view();
            part = {reinterpret_cast<const uint8_t*>(view.data()), view.size()};
            return true;
        } catch (const protozero::exception& e) {
            fail_level(level_, std::string("malformed message (") + e.what() + ")");
        }
    }

  private:
    protozero::pbf_reader reader_;
    size_t level_;
};

struct GroupSize {
    size_t images = 0;
    uint64_t bytes = 0;
};

GroupSize measure(ByteSpan message, size_t level) {
    GroupReader reader(message, level);
    GroupSize size;
    for (ByteSpan part; reader.next(part);) {
        if (++size.images > kMaxRecordImages) {
            fail_level(level, "more than " + std::to_string(kMaxRecordImages) + " images");
        }
        size.bytes += part.size;
    }
    return size;
}

GroupSize measure_joined(const std::vector<ByteSpan>& groups) {
    GroupSize total;
    for (size_t i = 0; i < groups.size(); ++i) {
        const GroupSize size = measure(groups[i], i + 1);
        if (i > 0 && size.images != total.images) {
            fail_level(i + 1, "expected " + std::to_string(total.images) + " images, found " +
                                  std::to_string(size.images));
        }
        total.images = size.images;
        total.bytes += size.bytes;
    }
    total.bytes += total.images * uint64_t{sizeof(kEndOfImage)};
    if (total.bytes > kMaxRecordBytes) {
        throw FormatError("record holds " + std::to_string(total.bytes) +
                          " image bytes, more than the limit of " +
                          std::to_string(kMaxRecordBytes));
    }
    return total;
}

/// Appends to a buffer of known size. The bound is checked although the size was measured: the
/// caller's memory could have been changed by another thread since.
class Appender {
  public:
    explicit Appender(PooledBytes& buffer) : buffer_(buffer) {}

    void append(ByteSpan bytes) {
        if (bytes.size > buffer_.size - position_) {
            throw FormatError("scan groups were changed while they were read");
        }
        if (bytes.size > 0) {
            std::memcpy(buffer_.data.get() + position_, bytes.data, bytes.size);
            position_ += bytes.size;
        }
    }

    size_t position() const { return position_; }

  private:
    PooledBytes& buffer_;
    size_t position_ = 0;
};

}  // namespace

JoinedImages join(const std::vector<ByteSpan>& groups) {
    if (groups.empty()) throw FormatError("expected at least one scan group, found none");
    const GroupSize total = measure_joined(groups);
    std::vector<GroupReader> readers;
    for (size_t i = 0; i < groups.size(); ++i) readers.emplace_back(groups[i], i + 1);
    JoinedImages joined{take_from_pool(total.bytes), {0}};
    joined.offsets.reserve(total.images + 1);
    Appender output(joined.buffer);
    for (size_t image = 0; image < total.images; ++image) {
        for (GroupReader& reader : readers) {
            ByteSpan part;
            reader.next(part);
            output.append(part);
        }
        output.append({kEndOfImage, sizeof(kEndOfImage)});
        joined.offsets.push_back(static_cast<int64_t>(output.position()));
    }
    joined.buffer.size = output.position();
    return joined;
}

size_t packed_size(const std::vector<ByteSpan>& parts) {
    uint64_t size = 0;
    for (const ByteSpan& part : parts) {
        // One byte for the field's key; the length as a varint; the bytes.
        size += 1 + protozero::length_of_varint(part.size) + uint64_t{part.size};
        if (size > kMaxRecordBytes) {
            throw FormatError("scan group exceeds the limit of " + std::to_string(kMaxRecordBytes) +
                              " bytes per record");
        }
    }
    return size;
}

void pack(const std::vector<ByteSpan>& parts, uint8_t* output) {
    protozero::fixed_size_buffer_adaptor buffer(reinterpret_cast<char*>(output),
                                                packed_size(parts));
    protozero::basic_pbf_writer<protozero::fixed_size_buffer_adaptor> writer(buffer);
    for (const ByteSpan& part : parts) {
        writer.add_bytes(kImageBytesField, reinterpret_cast<const char*>(part.data), part.size);
    }
}

}  // namespace pcr
