#include "pcr/header.hpp"

#include <cstring>
#include <string>

#include "jpeg/exif.hpp"
#include "pcr/error.hpp"

namespace pcr {
namespace {

bool starts_with(ByteSpan bytes, const char* text, std::size_t size) {
    return bytes.size >= size && std::memcmp(bytes.data, text, size) == 0;
}

/// The colour space that libjpeg guesses (jdapimin.c, default_decompress_parms), so that what is
/// reported here is what decoders show.
ColorSpace guess_color_space(const Header& header, bool jfif, ByteSpan frame) {
    const std::int32_t adobe = header.adobe_transform;
    switch (header.components) {
        case 1:
            return ColorSpace::kGrayscale;
        case 3: {
            const bool rgb_ids =
                frame.data[6] == 'R' && frame.data[9] == 'G' && frame.data[12] == 'B';
            if (jfif) {
                return ColorSpace::kYCbCr;
            }
            return adobe == 0 || (adobe < 0 && rgb_ids) ? ColorSpace::kRGB : ColorSpace::kYCbCr;
        }
        case 4:
            return adobe < 1 ? ColorSpace::kCMYK : ColorSpace::kYCCK;
        default:
            return ColorSpace::kUnknown;
    }
}

}  // namespace

void read_frame(const Segment& frame, Header& header) {
    const ByteSpan& bytes = frame.payload;
    if (bytes.size < 6 || bytes.size != 6 + std::size_t{3} * bytes.data[5]) {
        fail_at(frame.offset, "frame header has a wrong length");
    }
    header.precision = bytes.data[0];
    header.height = bytes.data[1] * 256 + bytes.data[2];
    header.width = bytes.data[3] * 256 + bytes.data[4];
    header.components = bytes.data[5];
    header.progressive = (frame.marker & 3) == 2;
    header.arithmetic = frame.marker > kJPG;
    if (header.width == 0 || header.height == 0 || header.components == 0) {
        fail_at(frame.offset, "frame of " + std::to_string(header.width) + " x " +
                                  std::to_string(header.height) + " pixels, " +
                                  std::to_string(header.components) + " components");
    }
}

Header read_header(ByteSpan jpeg) {
    SegmentReader reader(jpeg);
    Header header;
    ByteSpan frame;
    bool jfif = false;
    bool exif = false;
    for (Segment segment = reader.next(); segment.marker != kSOS; segment = reader.next()) {
        if (segment.marker == kEOI) {
            fail_at(segment.offset, "EOI before the first scan");
        } else if (is_frame_marker(segment.marker)) {
            read_frame(segment, header);
            frame = segment.payload;
        } else if (segment.marker == kAPP0 && segment.payload.size >= 14 &&
                   starts_with(segment.payload, "JFIF", 5)) {
            jfif = true;
        } else if (segment.marker == kAPP1 && !exif && is_exif(segment.payload)) {
            exif = true;
            header.orientation = exif_orientation(segment.payload);
        } else if (segment.marker == kAPP14 && segment.payload.size >= 12 &&
                   starts_with(segment.payload, "Adobe", 5)) {
            header.adobe_transform = segment.payload.data[11];
        }
    }
    if (frame.data == nullptr) {
        throw FormatError("the first scan comes without a frame header");
    }
    header.color_space = guess_color_space(header, jfif, frame);
    return header;
}

}  // namespace pcr
