#include "jpeg/application.hpp"

#include <cstring>

namespace pcr {
namespace {

bool starts_with(ByteSpan bytes, const char (&text)[6]) {
    return bytes.size >= 5 && std::memcmp(bytes.data, text, 5) == 0;
}

}  // namespace

std::optional<Jfif> read_jfif(const Segment& segment) {
    const uint8_t* p = segment.payload.data;
    if (segment.marker != kAPP0 || segment.payload.size < 14 ||
        !starts_with(segment.payload, "JFIF\0")) {
        return std::nullopt;
    }
    return Jfif{p[5], p[6], p[7], read_u16(p + 8), read_u16(p + 10)};
}

std::optional<int> read_adobe_transform(const Segment& segment) {
    if (segment.marker != kAPP14 || segment.payload.size < 12 ||
        !starts_with(segment.payload, "Adobe")) {
        return std::nullopt;
    }
    return segment.payload.data[11];
}

ColorSpace guess_color_space(int components, bool jfif, int adobe_transform, bool rgb_ids) {
    switch (components) {
        case 1:
            return ColorSpace::kGrayscale;
        case 3: {
            const bool rgb = !jfif && (adobe_transform >= 0 ? adobe_transform == 0 : rgb_ids);
            return rgb ? ColorSpace::kRGB : ColorSpace::kYCbCr;
        }
        case 4:
            return adobe_transform > 0 ? ColorSpace::kYCCK : ColorSpace::kCMYK;
        default:
            return ColorSpace::kUnknown;
    }
}

}  // namespace pcr
