// Decodes all scans of a Huffman-coded JPEG into coefficients.
#pragma once

#include <array>
#include <functional>

#include "entropy/coefficient_store.hpp"
#include "entropy/huffman_table.hpp"
#include "entropy/scan_kernels.hpp"
#include "jpeg/block_rows.hpp"
#include "jpeg/frame.hpp"
#include "jpeg/marker_parser.hpp"
#include "jpeg/progression.hpp"
#include "memory/aligned_buffer.hpp"

namespace pcr {

/// Decodes baseline, extended sequential and progressive Huffman JPEGs, whole or cut short
/// anywhere, to the coefficients that libjpeg-turbo finds. Keeps its memory between images. Not for
/// two threads at once.
class EntropyDecoder {
  public:
    /// False where the stream is damaged in a way that needs libjpeg's own answer, or uses another
    /// coding process. Throws FormatError beyond the limits on scans and pixels.
    ///
    /// `needed` is asked once the frame is known. Every scan begins at the last restart marker
    /// before the rows that it names and ends after them; what is wrong elsewhere goes unnoticed.
    /// Without it, all rows are decoded.
    bool decode(ByteSpan jpeg, int64_t max_pixels,
                const std::function<BlockRows(const Frame&)>& needed = {});

    /// Whether the stream just decoded has nothing that libjpeg-turbo warns of: all data and
    /// restart markers are there, no bytes are left over within scans, and what markers say agrees.
    /// Bytes between segments are not looked at.
    bool is_clean() const { return clean_; }

    /// Whether the stream just decoded was cut short: it ends without EOI.
    bool is_truncated() const { return truncated_; }

    const Frame& frame() const { return frame_; }
    const CoefficientStore& coefficients() const { return coefficients_; }

    /// Gives back the memory of unusually large images.
    void trim();

  private:
    static constexpr int kMaxLow = 13;  // libjpeg's limit on Al

    /// The units of a scan, which are blocks or MCUs, and which rows of them are needed.
    struct Units {
        uint64_t per_row = 0;
        uint64_t rows = 0;
        RowRange needed;
    };

    bool decode_scans(ByteSpan jpeg, int64_t max_pixels,
                      const std::function<BlockRows(const Frame&)>& needed);
    bool decode_scan(const MarkerParser& parser, size_t& position);
    template <typename Decode>
    bool decode_intervals(const MarkerParser& parser, size_t& position, const Units& units,
                          uint64_t first, BitOrder order, Decode decode);
    static uint64_t skip_intervals(const MarkerParser& parser, size_t& position,
                                   const Units& units);
    bool decode_band_scan(const MarkerParser& parser, size_t& position);
    bool decode_mcu_scan(const MarkerParser& parser, size_t& position);
    bool begin_frame(const MarkerParser& parser, int64_t max_pixels,
                     const std::function<BlockRows(const Frame&)>& needed);
    bool lay_out_mcu(const ScanHeader& scan, const TableState& tables, McuScan& mcu);

    Frame frame_;
    BlockRows needed_{};
    CoefficientStore coefficients_;
    AlignedBuffer<uint8_t> segment_;
    std::array<HuffmanTable, kMaxComponents> dc_tables_;
    std::array<CoefficientTable, kMaxComponents> ac_tables_;
    RefinementTable refinement_;
    Progression progression_{kMaxLow};
    std::array<bool, kMaxComponents> decoded_{};          // sequential: component is complete
    std::array<uint64_t, kMaxComponents> first_block_{};  // the first that AC scans decoded
    bool misaligned_ = false;  // a refinement needs blocks that earlier scans skipped
    bool clean_ = false;
    bool truncated_ = false;
};

}  // namespace pcr
