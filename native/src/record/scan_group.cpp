#include "pcr/scan_group.hpp"

#include <protozero/basic_pbf_writer.hpp>
#include <protozero/buffer_fixed.hpp>
#include <protozero/varint.hpp>
#include <string>

#include "pcr/error.hpp"
#include "pcr/limits.hpp"

namespace pcr {
namespace {

constexpr protozero::pbf_tag_type kImageBytesField = 1;  // ScanGroup.image_bytes in proto/pcr.proto

}  // namespace

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
