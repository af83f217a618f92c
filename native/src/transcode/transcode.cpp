#include "pcr/transcode.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "encode/jpeg_encoder.hpp"
#include "entropy/entropy_decoder.hpp"
#include "jpeg/copied_markers.hpp"
#include "pcr/error.hpp"
#include "pcr/header.hpp"
#include "pcr/split.hpp"
#include "transcode/libjpeg_transcoder.hpp"

namespace pcr {
namespace {

/// libjpeg's JPEG_MAX_DIMENSION: it refuses frames with a longer side.
constexpr int kLibjpegMaxSide = 65500;

/// From coefficients to scans with the project's own entropy coding: about thrice as fast as
/// libjpeg. It steps back from whatever libjpeg might refuse or warn of.
class NativeTranscoder {
  public:
    bool run(ByteSpan jpeg, const ScanScript& script, const TranscodeOptions& options) {
        if (!decoder_.decode({jpeg.data, jpeg.size}, options.max_pixels) || !decoder_.is_clean()) {
            return false;
        }
        const auto memory_bytes = static_cast<std::size_t>(options.max_memory_bytes);
        const std::size_t used = decoder_.coefficients().size_bytes();
        if (used > memory_bytes) {
            return false;
        }
        const decode::Frame& frame = decoder_.frame();
        const auto markers = copied_markers(jpeg, options.copy_markers, encode::writes_jfif(frame),
                                            encode::writes_adobe(frame));
        return encoder_.encode(frame, decoder_.coefficients(), script, markers,
                               memory_bytes - used);
    }

    Bytes result() const {
        const ByteSpan bytes = encoder_.bytes();
        Bytes copy = Bytes::uninitialised(bytes.size);
        std::memcpy(copy.data.get(), bytes.data, bytes.size);
        return copy;
    }

    void trim() {
        decoder_.trim();
        encoder_.trim();
    }

  private:
    decode::EntropyDecoder decoder_;
    encode::JpegEncoder encoder_;
};

void check(const Header& header, const TranscodeOptions& options) {
    const std::int64_t pixels = std::int64_t{header.width} * header.height;
    if (pixels > options.max_pixels) {
        throw FormatError("JPEG of " + std::to_string(header.width) + " x " +
                          std::to_string(header.height) + " pixels exceeds the limit of " +
                          std::to_string(options.max_pixels) + " pixels");
    }
    if (header.precision != 8) {
        throw FormatError("JPEG of " + std::to_string(header.precision) +
                          " bits per sample: expected 8");
    }
}

const ScanScript& find_script(const ScanScripts& scripts, std::int32_t components) {
    const auto found = scripts.find(components);
    if (found == scripts.end()) {
        throw FormatError("JPEG with " + std::to_string(components) +
                          " components: there is no scan script for it (1, 3 or 4 are usual)");
    }
    return found->second;
}

}  // namespace

Bytes transcode(ByteSpan jpeg, const ScanScripts& scripts, const TranscodeOptions& options) {
    split(jpeg);  // refuses what is truncated or has too many scans before any decoding
    const Header header = read_header(jpeg);
    check(header, options);
    const ScanScript& script = find_script(scripts, header.components);
    if (options.coder == Coder::kNative) {
        thread_local NativeTranscoder native;
        Bytes result;
        if (native.run(jpeg, script, options)) {
            result = native.result();
        }
        native.trim();
        if (result.data != nullptr) {
            return result;
        }
        if (std::max(header.width, header.height) > kLibjpegMaxSide) {
            throw FormatError("JPEG of " + std::to_string(header.width) + " x " +
                              std::to_string(header.height) +
                              " pixels is damaged or arithmetic-coded: with sides beyond " +
                              std::to_string(kLibjpegMaxSide) +
                              " pixels, only undamaged Huffman-coded ones can be rewritten");
        }
    }
    return transcode_with_libjpeg(jpeg, script, options);
}

}  // namespace pcr
