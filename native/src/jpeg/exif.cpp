#include "jpeg/exif.hpp"

#include <cstring>

namespace pcr {
namespace {

constexpr char kExifSignature[] = {'E', 'x', 'i', 'f', 0, 0};
constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShortType = 3;
constexpr uint32_t kLongType = 4;
constexpr size_t kEntrySize = 12;

/// Bounds-checked reads in the TIFF block's byte order; beyond its end everything reads as 0.
class TiffReader {
  public:
    explicit TiffReader(ByteSpan tiff)
        : tiff_(tiff), big_endian_(tiff.size > 0 && tiff.data[0] == 'M') {}

    uint32_t u16(size_t offset) const { return number(offset, 2); }
    uint32_t u32(size_t offset) const { return number(offset, 4); }

  private:
    uint32_t number(size_t offset, size_t count) const {
        if (offset > tiff_.size || tiff_.size - offset < count) return 0;
        uint32_t value = 0;
        for (size_t i = 0; i < count; ++i) {
            value = value << 8 | tiff_.data[offset + (big_endian_ ? i : count - 1 - i)];
        }
        return value;
    }

    ByteSpan tiff_;
    bool big_endian_;
};

/// The value of a directory entry; 0 where it is not a whole number.
uint32_t read_integer(const TiffReader& reader, size_t entry) {
    switch (reader.u16(entry + 2)) {
        case kShortType:
            return reader.u16(entry + 8);
        case kLongType:
            return reader.u32(entry + 8);
        default:
            return 0;
    }
}

}  // namespace

bool is_exif(ByteSpan app1) {
    return app1.size >= sizeof(kExifSignature) &&
           std::memcmp(app1.data, kExifSignature, sizeof(kExifSignature)) == 0;
}

int32_t exif_orientation(ByteSpan app1) {
    if (!is_exif(app1)) return 1;
    const ByteSpan tiff = app1.subspan(sizeof(kExifSignature), app1.size - sizeof(kExifSignature));
    const TiffReader reader(tiff);
    const bool known_order = tiff.size >= 8 && tiff.data[0] == tiff.data[1] &&
                             (tiff.data[0] == 'I' || tiff.data[0] == 'M');
    if (!known_order || reader.u16(2) != 42) return 1;
    const size_t directory = reader.u32(4);
    const size_t entries = reader.u16(directory);
    for (size_t i = 0; i < entries; ++i) {
        const size_t entry = directory + 2 + i * kEntrySize;
        if (reader.u16(entry) == kOrientationTag) {
            const uint32_t value = read_integer(reader, entry);
            return value >= 1 && value <= 8 ? static_cast<int32_t>(value) : 1;
        }
    }
    return 1;
}

}  // namespace pcr
