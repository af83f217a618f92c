#include "jpeg/copied_markers.hpp"

#include <cstring>
#include <string>

#include "jpeg/exif.hpp"

namespace pcr {
namespace {

bool is_named(const Segment& segment, std::uint8_t marker, const std::string& name) {
    return segment.marker == marker && segment.payload.size >= name.size() &&
           std::memcmp(segment.payload.data, name.data(), name.size()) == 0;
}

bool is_application(std::uint8_t marker) { return marker >= kAPP0 && marker <= kAPP15; }

}  // namespace

std::vector<Segment> copied_markers(ByteSpan jpeg, CopyMarkers wanted, bool writes_jfif,
                                    bool writes_adobe) {
    std::vector<Segment> kept;
    if (wanted == CopyMarkers::kNone) {
        return kept;
    }
    SegmentReader reader(jpeg);
    for (Segment segment = reader.next(); segment.marker != kEOI; segment = reader.next()) {
        if (!is_application(segment.marker) && segment.marker != kCOM) {
            continue;
        }
        const bool own = (writes_jfif && is_named(segment, kAPP0, "JFIF")) ||
                         (writes_adobe && is_named(segment, kAPP14, "Adobe"));
        const bool exif = segment.marker == kAPP1 && is_exif(segment.payload);
        if (wanted == CopyMarkers::kAll ? !own : exif) {
            kept.push_back(segment);
        }
    }
    return kept;
}

}  // namespace pcr
