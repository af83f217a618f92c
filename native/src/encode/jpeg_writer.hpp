// Writes marker segments and entropy-coded bits of a JPEG (ITU-T T.81, annex B).
#pragma once

#include <cstdint>
#include <vector>

#include "encode/huffman_code.hpp"
#include "encode/tokens.hpp"
#include "jpeg/frame.hpp"
#include "pcr/bytes.hpp"
#include "pcr/scan_script.hpp"

namespace pcr {

/// 0 or 1: which tables a component's symbols have. As in libjpeg, chroma has its own.
int table_of(ColorSpace color, int component);

/// Whether libjpeg writes these segments for the frame's colour model. It would add an Adobe
/// segment where the source had none, and decoders would then invert CMYK, so that is left out.
bool writes_jfif(const Frame& frame);
bool writes_adobe(const Frame& frame);

class JpegWriter {
  public:
    void clear() { bytes_.clear(); }
    ByteSpan bytes() const { return {bytes_.data(), bytes_.size()}; }

    void marker(uint8_t marker);
    void segment(uint8_t marker, ByteSpan payload);

    void jfif(const Frame& frame);
    void adobe(const Frame& frame);
    /// Each table that a component uses, once.
    void quantisation(const Frame& frame);
    void frame(const Frame& frame, bool progressive);
    void huffman(TableIndex table, const HuffmanCode& code);
    /// From here on: how many MCUs come before a restart marker.
    void restart_interval(uint32_t mcus);
    void scan(const Frame& frame, const ScanSpec& scan);

    /// The tokens' bits, padded with ones to whole bytes before each restart marker and at the end.
    void entropy(const Tokens& tokens, const CodeTable& codes);

    size_t capacity_bytes() const { return bytes_.capacity(); }
    void release() { bytes_ = {}; }

  private:
    void put(uint32_t byte) { bytes_.push_back(static_cast<uint8_t>(byte)); }
    void put_u16(uint32_t value) {
        put(value >> 8);
        put(value);
    }
    void open(uint8_t marker, size_t payload_size);

    std::vector<uint8_t> bytes_;
};

}  // namespace pcr
