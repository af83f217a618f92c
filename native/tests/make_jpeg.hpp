// JPEGs for tests, and what is in them.
#pragma once

#include <cstdint>
#include <vector>

#include "pcr/bytes.hpp"
#include "pcr/transcode.hpp"

struct JpegKind {
    int width = 48;
    int height = 40;
    int components = 3;
    int luma_sampling = 2;  // horizontal and vertical
    int restart_interval = 0;
    bool progressive = false;
};

/// A JPEG of a smooth pattern with some noise.
std::vector<uint8_t> make_jpeg(const JpegKind& kind);

/// All quantised coefficients that libjpeg finds in a JPEG, component after component.
std::vector<std::vector<int16_t>> read_values(pcr::ByteSpan jpeg);

/// libjpeg's own progression for 1 and 3 components, and a plain one for 2 and 4.
pcr::ScanScripts make_scripts();

inline pcr::ByteSpan span_of(const std::vector<uint8_t>& bytes) {
    return {bytes.data(), bytes.size()};
}
