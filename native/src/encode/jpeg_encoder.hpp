// Writes coefficients as a progressive or sequential JPEG with optimal Huffman tables.
#pragma once

#include <vector>

#include "encode/jpeg_writer.hpp"
#include "encode/tokens.hpp"
#include "entropy/coefficient_store.hpp"
#include "jpeg/segments.hpp"

namespace pcr {

/// Keeps its memory between images. Not for two threads at once.
class JpegEncoder {
  public:
    /// Writes `script`'s scans (none: one sequential scan), and `markers` after those that
    /// decoding needs; byte for byte what libjpeg-turbo writes for the same coefficients. False
    /// where a scan would take more than `max_memory_bytes` of memory, or where the script or a
    /// coefficient is one that libjpeg refuses.
    bool encode(const Frame& frame, const CoefficientStore& coefficients, const ScanScript& script,
                const std::vector<Segment>& markers, size_t max_memory_bytes);

    /// The JPEG, until the next call.
    ByteSpan bytes() const { return writer_.bytes(); }

    /// Gives back the memory of unusually large images.
    void trim();

    /// The borders of its scans, as split() gives them.
    const std::vector<int64_t>& borders() const { return borders_; }

  private:
    void write_headers(const Frame& frame, const std::vector<Segment>& markers, bool progressive);
    bool write_scan(const Frame& frame, const ScanSpec& scan);

    Tokens tokens_;
    HuffmanCode code_;
    CodeTable codes_{};
    JpegWriter writer_;
    std::vector<int64_t> borders_;
};

}  // namespace pcr
