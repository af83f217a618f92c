#include "pcr/header.hpp"

#include <string>

#include "jpeg/application.hpp"
#include "jpeg/exif.hpp"
#include "jpeg/header_builder.hpp"
#include "jpeg/marker_parser.hpp"

namespace pcr {

std::optional<Header> parse_frame(uint8_t marker, ByteSpan payload) {
    const uint8_t* bytes = payload.data;
    if (payload.size < 6 || payload.size != 6 + size_t{3} * bytes[5]) return std::nullopt;
    Header header;
    header.precision = bytes[0];
    header.height = static_cast<int32_t>(read_u16(bytes + 1));
    header.width = static_cast<int32_t>(read_u16(bytes + 3));
    header.components = bytes[5];
    header.progressive = is_progressive_frame_marker(marker);
    header.arithmetic = marker > kJPG;
    return header;
}

void HeaderBuilder::add(const Segment& segment) {
    if (is_frame_marker(segment.marker)) return add_frame(segment);
    if (complete_) return;
    if (segment.marker == kSOS || segment.marker == kEOI) return finish(segment);
    if (read_jfif(segment)) jfif_ = true;
    if (const auto transform = read_adobe_transform(segment)) header_.adobe_transform = *transform;
    if (segment.marker == kAPP1 && !exif_ && is_exif(segment.payload)) {
        exif_ = true;
        header_.orientation = exif_orientation(segment.payload);
    }
}

void HeaderBuilder::add_frame(const Segment& segment) {
    if (frame_.data != nullptr) fail_at(segment.offset, "second frame header");
    const std::optional<Header> frame = parse_frame(segment.marker, segment.payload);
    if (!frame) fail_at(segment.offset, "frame header has a wrong length");
    if (frame->width == 0 || frame->height == 0 || frame->components == 0) {
        fail_at(segment.offset, "frame of " + std::to_string(frame->width) + " x " +
                                    std::to_string(frame->height) + " pixels, " +
                                    std::to_string(frame->components) + " components");
    }
    const Header before = header_;
    header_ = *frame;
    header_.adobe_transform = before.adobe_transform;
    header_.orientation = before.orientation;
    frame_ = segment.payload;
}

void HeaderBuilder::finish(const Segment& segment) {
    if (segment.marker == kEOI) fail_at(segment.offset, "EOI before the first scan");
    if (frame_.data == nullptr) fail_at(segment.offset, "scan without a frame header");
    const uint8_t* ids = frame_.data + 6;
    const bool rgb_ids = header_.components == 3 && is_rgb(ids[0], ids[3], ids[6]);
    header_.color_space =
        guess_color_space(header_.components, jfif_, header_.adobe_transform, rgb_ids);
    complete_ = true;
}

Header read_header(ByteSpan jpeg) {
    SegmentReader reader(jpeg);
    HeaderBuilder builder;
    while (!builder.is_complete()) builder.add(reader.next());
    return builder.header();
}

PictureSize find_picture_size(ByteSpan jpeg) {
    MarkerParser parser(jpeg);
    if (parser.next() != MarkerParser::Stop::kFrame) return {};
    return {static_cast<int32_t>(parser.frame().width),
            static_cast<int32_t>(parser.frame().height)};
}

}  // namespace pcr
