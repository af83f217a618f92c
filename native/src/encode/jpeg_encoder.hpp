// Writes coefficients as a progressive or sequential JPEG with optimal Huffman tables.
#pragma once

#include <vector>

#include "encode/jpeg_writer.hpp"
#include "encode/tokens.hpp"
#include "entropy/coefficient_store.hpp"
#include "jpeg/segments.hpp"

namespace pcr {

struct EncodeOptions {
    const std::vector<Segment>& markers;  // after those that decoding needs
    uint32_t restart_rows = 0;            // MCU rows between restart markers, 0: none
    size_t max_memory_bytes = 0;          // of a scan
};

/// Keeps its memory between images. Not for two threads at once.
class JpegEncoder {
  public:
    /// Writes `script`'s scans (none: one sequential scan), byte for byte as libjpeg-turbo writes
    /// them for the same coefficients. False where a scan would take too much memory, or where the
    /// script or a coefficient is one that libjpeg refuses.
    bool encode(const Frame& frame, const CoefficientStore& coefficients, const ScanScript& script,
                const EncodeOptions& options);

    /// The JPEG, until the next call.
    ByteSpan bytes() const { return writer_.bytes(); }

    /// Gives back the memory of unusually large images.
    void trim();

    /// The borders of its scans, as split() gives them.
    const std::vector<int64_t>& borders() const { return borders_; }

  private:
    void write_headers(const Frame& frame, const std::vector<Segment>& markers, bool progressive);
    bool write_scan(const Frame& frame, const ScanSpec& scan, uint32_t restart_interval);
    bool write_tables();

    Tokens tokens_;
    HuffmanCode code_;
    CodeTable codes_{};
    JpegWriter writer_;
    uint32_t restart_interval_ = 0;  // that was written last
    std::vector<int64_t> borders_;
};

}  // namespace pcr
