#include "pcr/split.hpp"

#include <string>

#include "jpeg/segments.hpp"
#include "pcr/header.hpp"

namespace pcr {

std::vector<std::int64_t> split(ByteSpan jpeg) {
    SegmentReader reader(jpeg);
    std::vector<std::int64_t> borders;
    Header header;
    std::uint8_t previous_marker = kSOI;
    std::int64_t next_border = 0;
    for (;;) {
        const Segment segment = reader.next();
        if (previous_marker == kSOS) {
            next_border = segment.offset;
        }
        if (segment.marker == kSOS) {
            if (header.components == 0) {
                fail_at(segment.offset, "scan without a frame header");
            }
            if (borders.size() == kMaxScans) {
                fail_at(segment.offset, "more than " + std::to_string(kMaxScans) + " scans");
            }
            borders.push_back(next_border);
        } else if (is_frame_marker(segment.marker)) {
            if (header.components != 0) {
                fail_at(segment.offset, "second frame header");
            }
            read_frame(segment, header);
        } else if (segment.marker == kEOI) {
            if (borders.empty()) {
                fail_at(segment.offset, "EOI before the first scan");
            }
            borders.push_back(segment.offset);
            return borders;
        }
        previous_marker = segment.marker;
    }
}

}  // namespace pcr
