// Fuzz target: the native decoder must agree with libjpeg wherever it does not step back, and must
// be memory-safe on any bytes. Build with clang -fsanitize=fuzzer,address,undefined.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "pcr/inspect.hpp"

namespace {

using namespace pcr::decode;

constexpr int64_t kMaxPixels = 1 << 18;

void fail(const char* what) {
    std::fprintf(stderr, "decoders disagree: %s\n", what);
    std::abort();
}

bool same(const std::vector<ComponentCoefficients>& a,
          const std::vector<ComponentCoefficients>& b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i) {
        if (a[i].width_in_blocks != b[i].width_in_blocks || a[i].values != b[i].values)
            return false;
    }
    return true;
}

std::optional<RgbImage> decode(Bytes jpeg, Decoder decoder, int scale) {
    try {
        return decode_rgb(jpeg, {decoder, false, 1, kMaxPixels}, scale);
    } catch (const DecodeError&) {
        return std::nullopt;
    }
}

/// One crop through the whole pipeline; its parameters come from the input's length.
void decode_crop(Bytes jpeg) {
    static DecodePool pool(1);
    std::vector<uint8_t> out(3 * 19 * 23);
    OutputSpec output;
    output.data = out.data();
    output.dtype = DType::kUint8;
    output.height = 19;
    output.width = 23;
    BatchItem item;
    item.jpeg = jpeg;
    item.orientation = 1 + static_cast<int>(jpeg.size % 8);
    item.flip = jpeg.size % 2 != 0;
    const auto place = static_cast<float>(jpeg.size % 50);
    if (jpeg.size % 3 != 0) item.box = Box{place, place / 2, 1 + place, 3 + place};
    const bool resize_first = jpeg.size % 5 < 2;
    for (Decoder decoder : {Decoder::kNative, Decoder::kLibjpeg}) {
        pool.decode_batch({item}, output, {decoder, false, 1, kMaxPixels, resize_first});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const Bytes jpeg{data, size};
    bool native = false;
    try {
        native = decodes_natively(jpeg, kMaxPixels);
    } catch (const DecodeError&) {
        return 0;  // beyond the limits
    }
    if (native) {
        const auto own = read_coefficients(jpeg, Decoder::kNative, kMaxPixels);
        try {
            if (!same(own, read_coefficients(jpeg, Decoder::kLibjpeg, kMaxPixels)))
                fail("coefficients");
        } catch (const DecodeError& error) {
            fail(error.what());
        }
    }
    for (int scale : {1, 2, 4, 8}) {
        const auto own = decode(jpeg, Decoder::kNative, scale);
        const auto reference = decode(jpeg, Decoder::kLibjpeg, scale);
        if (own.has_value() != reference.has_value()) fail("one of them raises");
        if (own && own->pixels.size() != reference->pixels.size()) fail("size");
    }
    decode_crop(jpeg);
    return 0;
}
