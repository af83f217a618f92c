#pragma once

#include "pcr/bytes.hpp"
#include "pcr/transcode.hpp"

namespace pcr {

/// `transcode` through libjpeg's coefficient API. Throws FormatError for what libjpeg refuses or
/// warns of.
Bytes transcode_with_libjpeg(ByteSpan jpeg, const ScanScript& script,
                             const TranscodeOptions& options);

}  // namespace pcr
