#include "jpeg/exif.hpp"

#include <cstring>

namespace pcr {
namespace {

constexpr char kExifSignature[] = {'E', 'x', 'i', 'f', 0, 0};
constexpr std::uint32_t kOrientationTag = 0x0112;
constexpr std::uint32_t kShortType = 3;
constexpr std::size_t kEntrySize = 12;

/// Bounds-checked reads in the TIFF block's byte order; beyond its end everything reads as 0.
class TiffReader {
  public:
    explicit TiffReader(ByteSpan tiff)
        : tiff_(tiff), big_endian_(tiff.size > 0 && tiff.data[0] == 'M') {}

    std::uint32_t u16(std::size_t offset) const { return number(offset, 2); }
    std::uint32_t u32(std::size_t offset) const { return number(offset, 4); }

  private:
    std::uint32_t number(std::size_t offset, std::size_t count) const {
        if (offset > tiff_.size || tiff_.size - offset < count) {
            return 0;
        }
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < count; ++i) {
            value = value << 8 | tiff_.data[offset + (big_endian_ ? i : count - 1 - i)];
        }
        return value;
    }

    ByteSpan tiff_;
    bool big_endian_;
};

}  // namespace

bool is_exif(ByteSpan app1) {
    return app1.size >= sizeof(kExifSignature) &&
           std::memcmp(app1.data, kExifSignature, sizeof(kExifSignature)) == 0;
}

std::int32_t exif_orientation(ByteSpan app1) {
    if (!is_exif(app1)) {
        return 1;
    }
    const ByteSpan tiff = app1.subspan(sizeof(kExifSignature), app1.size - sizeof(kExifSignature));
    const TiffReader reader(tiff);
    const bool known_order = tiff.size >= 8 && tiff.data[0] == tiff.data[1] &&
                             (tiff.data[0] == 'I' || tiff.data[0] == 'M');
    if (!known_order || reader.u16(2) != 42) {
        return 1;
    }
    const std::size_t directory = reader.u32(4);
    const std::size_t entries = reader.u16(directory);
    for (std::size_t i = 0; i < entries; ++i) {
        const std::size_t entry = directory + 2 + i * kEntrySize;
        if (reader.u16(entry) == kOrientationTag) {
            const std::uint32_t value = reader.u16(entry + 8);
            const bool valid = reader.u16(entry + 2) == kShortType && value >= 1 && value <= 8;
            return valid ? static_cast<std::int32_t>(value) : 1;
        }
    }
    return 1;
}

}  // namespace pcr
