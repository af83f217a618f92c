// Which application and comment segments of a source a rewritten JPEG keeps.
#pragma once

#include <vector>

#include "jpeg/segments.hpp"
#include "pcr/transcode.hpp"

namespace pcr {

/// Those of a file's `applications` that are wanted, in their order; without JFIF and Adobe where
/// the writer writes its own in front of them.
std::vector<Segment> copied_markers(const std::vector<Segment>& applications, CopyMarkers wanted,
                                    bool writes_jfif = false, bool writes_adobe = false);

}  // namespace pcr
