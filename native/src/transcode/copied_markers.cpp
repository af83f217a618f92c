#include "transcode/copied_markers.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string>

#include "jpeg/exif.hpp"

namespace pcr {
namespace {

bool is_named(const Segment& segment, uint8_t marker, const std::string& name) {
    return segment.marker == marker && segment.payload.size >= name.size() &&
           std::memcmp(segment.payload.data, name.data(), name.size()) == 0;
}

}  // namespace

std::vector<Segment> copied_markers(const std::vector<Segment>& applications, CopyMarkers wanted,
                                    bool writes_jfif, bool writes_adobe) {
    const auto is_kept = [&](const Segment& segment) {
        switch (wanted) {
            case CopyMarkers::kAll:
                return !(writes_jfif && is_named(segment, kAPP0, "JFIF")) &&
                       !(writes_adobe && is_named(segment, kAPP14, "Adobe"));
            case CopyMarkers::kExif:
                return segment.marker == kAPP1 && is_exif(segment.payload);
            default:
                return false;
        }
    };
    std::vector<Segment> kept;
    std::copy_if(applications.begin(), applications.end(), std::back_inserter(kept), is_kept);
    return kept;
}

}  // namespace pcr
