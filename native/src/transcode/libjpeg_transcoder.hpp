// The reference transcoder: libjpeg-turbo's coefficient API.
#pragma once

#include <vector>

#include "jpeg/segments.hpp"
#include "pcr/transcode.hpp"

namespace pcr {

/// Rewrites a JPEG, keeping those of its `applications` that the options ask for. Throws
/// FormatError for what libjpeg refuses or warns of.
Bytes transcode_with_libjpeg(ByteSpan jpeg, const std::vector<Segment>& applications,
                             const ScanScript& script, const TranscodeOptions& options);

}  // namespace pcr
