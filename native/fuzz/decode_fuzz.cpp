// Fuzz target: the native decoder must agree with libjpeg wherever it does not give up, and must
// be memory-safe on any bytes. Build with clang -fsanitize=fuzzer,address,undefined.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "libjpeg_limit.hpp"
#include "pcr/decode_pool.hpp"
#include "pcr/decode_rgb.hpp"
#include "pcr/error.hpp"
#include "pcr/test_support.hpp"

namespace {

constexpr int64_t kPixelLimit = 1 << 18;

void fail(const char* what) {
    std::fprintf(stderr, "decoders disagree: %s\n", what);
    std::abort();
}

bool same(const std::vector<pcr::ComponentCoefficients>& a,
          const std::vector<pcr::ComponentCoefficients>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
        if (a[i].width_in_blocks != b[i].width_in_blocks || a[i].values != b[i].values) {
            return false;
        }
    }
    return true;
}

std::optional<pcr::RgbImage> decode(pcr::ByteSpan jpeg, pcr::Codec decoder, int scale) {
    try {
        return pcr::decode_rgb(jpeg, {decoder, false, 1, kPixelLimit}, scale);
    } catch (const pcr::FormatError&) {
        return std::nullopt;
    }
}

/// One crop through the whole pipeline; its parameters come from the input's length.
void decode_crop(pcr::ByteSpan jpeg) {
    static pcr::DecodePool pool(1);
    std::vector<uint8_t> out(3 * 19 * 23);
    pcr::OutputSpec output;
    output.data = out.data();
    output.dtype = pcr::DType::kUint8;
    output.height = 19;
    output.width = 23;
    pcr::BatchItem item;
    item.jpeg = jpeg;
    item.orientation = 1 + static_cast<int>(jpeg.size % 8);
    item.flip = jpeg.size % 2 != 0;
    const auto place = static_cast<float>(jpeg.size % 50);
    if (jpeg.size % 3 != 0) item.box = pcr::Box{place, place / 2, 1 + place, 3 + place};
    const bool resize_first = jpeg.size % 5 < 2;
    const bool block_smoothing = jpeg.size % 7 < 4;
    for (pcr::Codec decoder : {pcr::Codec::kNative, pcr::Codec::kLibjpeg}) {
        pool.begin({item}, output, {decoder, block_smoothing, 1, kPixelLimit, resize_first}).wait();
    }
}

void compare_coefficients(pcr::ByteSpan jpeg) {
    const auto own = pcr::read_coefficients(jpeg, pcr::Codec::kNative, kPixelLimit);
    if (!within_libjpegs_limit(jpeg)) return;
    try {
        if (!same(own, pcr::read_coefficients(jpeg, pcr::Codec::kLibjpeg, kPixelLimit))) {
            fail("coefficients");
        }
    } catch (const pcr::FormatError& error) {
        fail(error.what());
    }
}

void compare_pixels(pcr::ByteSpan jpeg, int scale) {
    const auto own = decode(jpeg, pcr::Codec::kNative, scale);
    const auto reference = decode(jpeg, pcr::Codec::kLibjpeg, scale);
    if (!within_libjpegs_limit(jpeg)) return;
    if (own.has_value() != reference.has_value()) fail("one of them raises");
    if (own && own->pixels.size() != reference->pixels.size()) fail("size");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const pcr::ByteSpan jpeg{data, size};
    bool native = false;
    try {
        native = pcr::decodes_natively(jpeg, kPixelLimit);
    } catch (const pcr::FormatError&) {
        return 0;  // beyond the limits
    }
    if (native) compare_coefficients(jpeg);
    for (int scale : {1, 2, 4, 8}) compare_pixels(jpeg, scale);
    decode_crop(jpeg);
    return 0;
}
