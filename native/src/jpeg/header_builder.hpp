// Gathers a JPEG's header from its segments, one after another.
#pragma once

#include <optional>

#include "jpeg/segments.hpp"
#include "pcr/header.hpp"

namespace pcr {

/// Throws FormatError where a frame header is malformed, missing before a scan, or the second one.
class HeaderBuilder {
  public:
    void add(const Segment& segment);

    /// Whether the first scan was reached. What comes later changes nothing.
    bool is_complete() const { return complete_; }
    const Header& header() const { return header_; }

  private:
    void add_frame(const Segment& segment);
    void finish(const Segment& segment);

    Header header_;
    ByteSpan frame_;
    bool jfif_ = false;
    bool exif_ = false;
    bool complete_ = false;
};

/// The fields that an SOF segment holds; nothing where its length is wrong.
std::optional<Header> parse_frame(uint8_t marker, ByteSpan payload);

}  // namespace pcr
