#include "jpeg/outline.hpp"

#include <string>

#include "jpeg/header_builder.hpp"
#include "pcr/limits.hpp"
#include "pcr/split.hpp"

namespace pcr {

Outline read_outline(ByteSpan jpeg) {
    SegmentReader reader(jpeg);
    HeaderBuilder header;
    Outline outline;
    int64_t next_border = 0;
    uint8_t previous = kSOI;
    for (;;) {
        const Segment segment = reader.next();
        if (previous == kSOS) next_border = segment.offset;
        previous = segment.marker;
        header.add(segment);
        if (segment.marker == kEOI) {
            outline.header = header.header();
            outline.borders.push_back(segment.offset);
            return outline;
        }
        if (segment.marker == kSOS) {
            if (outline.borders.size() == kMaxScans) {
                fail_at(segment.offset, "more than " + std::to_string(kMaxScans) + " scans");
            }
            outline.borders.push_back(next_border);
            outline.scans.push_back(segment);
        } else if (is_frame_marker(segment.marker)) {
            outline.frame = segment;
        } else if (is_application_marker(segment.marker) || segment.marker == kCOM) {
            const bool late = !outline.scans.empty();
            (late ? outline.late_applications : outline.applications).push_back(segment);
        }
    }
}

std::vector<int64_t> split(ByteSpan jpeg) { return read_outline(jpeg).borders; }

}  // namespace pcr
