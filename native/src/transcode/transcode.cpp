#include "pcr/transcode.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "encode/jpeg_encoder.hpp"
#include "entropy/entropy_decoder.hpp"
#include "jpeg/outline.hpp"
#include "pcr/error.hpp"
#include "pcr/limits.hpp"
#include "pcr/split.hpp"
#include "transcode/copied_markers.hpp"
#include "transcode/libjpeg_transcoder.hpp"
#include "transcode/source_checks.hpp"

namespace pcr {
namespace {

Bytes copy_of(ByteSpan bytes) {
    Bytes copy = Bytes::uninitialised(bytes.size);
    std::memcpy(copy.data.get(), bytes.data, bytes.size);
    return copy;
}

/// From coefficients to scans with the project's own entropy coding: three to four times as fast as
/// libjpeg. It gives up on whatever libjpeg might refuse or warn of.
class NativeTranscoder {
  public:
    /// False where it gave up.
    bool run(ByteSpan jpeg, const std::vector<Segment>& applications, const ScanScript& script,
             const TranscodeOptions& options, Transcoded& result) {
        const bool done = encode(jpeg, applications, script, options);
        if (done) {
            result.jpeg = copy_of(encoder_.bytes());
            result.borders = encoder_.borders();
        }
        decoder_.trim();
        encoder_.trim();
        return done;
    }

  private:
    bool encode(ByteSpan jpeg, const std::vector<Segment>& applications, const ScanScript& script,
                const TranscodeOptions& options) {
        if (!decoder_.decode(jpeg, options.max_pixels) || !decoder_.is_clean()) return false;
        const auto memory_bytes = static_cast<size_t>(options.max_memory_bytes);
        const size_t used = decoder_.coefficients().size_bytes();
        if (used > memory_bytes) return false;
        const Frame& frame = decoder_.frame();
        const auto markers = copied_markers(applications, options.copy_markers, writes_jfif(frame),
                                            writes_adobe(frame));
        return encoder_.encode(frame, decoder_.coefficients(), script,
                               {markers, options.restart_rows, memory_bytes - used});
    }

    EntropyDecoder decoder_;
    JpegEncoder encoder_;
};

void check(const Header& header, const TranscodeOptions& options) {
    check_pixels(header.width, header.height, options.max_pixels);
    if (header.precision != 8) {
        throw FormatError("JPEG of " + std::to_string(header.precision) +
                          " bits per sample: expected 8");
    }
}

void check_sides(const Header& header) {
    if (std::max(header.width, header.height) <= kMaxLibjpegSide) return;
    throw FormatError("JPEG of " + std::to_string(header.width) + " x " +
                      std::to_string(header.height) +
                      " pixels is damaged or arithmetic-coded: with sides beyond " +
                      std::to_string(kMaxLibjpegSide) +
                      " pixels, only undamaged Huffman-coded ones can be rewritten");
}

/// Puts segments in front of EOI.
void append_segments(ByteSpan source, const std::vector<Segment>& segments, Transcoded& result) {
    constexpr size_t kEoiBytes = 2;
    std::vector<uint8_t> added;
    for (const Segment& segment : segments) {
        const uint8_t* begin = source.data + segment.offset;
        added.insert(added.end(), begin, segment.payload.data + segment.payload.size);
    }
    if (added.empty()) return;
    const ByteSpan before = result.jpeg.span();
    const size_t body = before.size - kEoiBytes;
    Bytes longer = Bytes::uninitialised(before.size + added.size());
    std::memcpy(longer.data.get(), before.data, body);
    std::memcpy(longer.data.get() + body, added.data(), added.size());
    std::memcpy(longer.data.get() + body + added.size(), before.data + body, kEoiBytes);
    result.jpeg = std::move(longer);
    result.borders.back() += static_cast<int64_t>(added.size());
}

const ScanScript& find_script(const ScanScripts& scripts, int32_t components) {
    const auto found = scripts.find(components);
    if (found == scripts.end()) {
        throw FormatError("JPEG with " + std::to_string(components) +
                          " components: there is no scan script for it (1, 3 or 4 are usual)");
    }
    return found->second;
}

Transcoded run_coder(ByteSpan jpeg, const Outline& outline, const ScanScript& script,
                     const TranscodeOptions& options) {
    Transcoded result;
    result.source = outline.header;
    if (options.coder == Codec::kNative) {
        // On the heap: the C library ends the process where it finds no memory for a thread's own
        // variables, which it looks for when they are first used.
        thread_local const auto native = std::make_unique<NativeTranscoder>();
        if (native->run(jpeg, outline.applications, script, options, result)) return result;
        check_sides(outline.header);
    }
    result.jpeg = transcode_with_libjpeg(jpeg, outline.applications, script, options);
    result.borders = split(result.jpeg.span());
    return result;
}

}  // namespace

Transcoded transcode(ByteSpan jpeg, const ScanScripts& scripts, const TranscodeOptions& options) {
    // Refuses what is truncated or has too many scans before any decoding.
    const Outline outline = read_outline(jpeg);
    check(outline.header, options);
    const ScanScript& script = find_script(scripts, outline.header.components);
    check_sampling(outline);
    check_complete(outline);
    Transcoded result = run_coder(jpeg, outline, script, options);
    append_segments(jpeg, copied_markers(outline.late_applications, options.copy_markers), result);
    return result;
}

}  // namespace pcr
