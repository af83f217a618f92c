// Which application and comment segments of a source a rewritten JPEG keeps.
#pragma once

#include <vector>

#include "jpeg/segments.hpp"
#include "pcr/transcode.hpp"

namespace pcr {

/// Segments of the whole file in their order, without JFIF and Adobe where the writer writes its
/// own.
std::vector<Segment> copied_markers(ByteSpan jpeg, CopyMarkers wanted, bool writes_jfif,
                                    bool writes_adobe);

}  // namespace pcr
