#include "pcr/transcode.hpp"

#include <cstring>
#include <string>

#include "pcr/error.hpp"
#include "pcr/exif.hpp"
#include "pcr/header.hpp"
#include "pcr/libjpeg.hpp"
#include "pcr/segments.hpp"
#include "pcr/split.hpp"

namespace pcr {
namespace {

constexpr unsigned kMaxMarkerBytes = 0xFFFF;

bool starts_with(const jpeg_marker_struct& marker, const char* text) {
    const std::size_t size = std::strlen(text);
    return marker.data_length >= size && std::memcmp(marker.data, text, size) == 0;
}

/// One run of libjpeg from the source's coefficients to the destination's scans. Everything that
/// must be freed is a member, so that leaving libjpeg through longjmp skips no destructor.
class Session {
  public:
    Session(ByteSpan jpeg, const ScanScript& script, const TranscodeOptions& options)
        : jpeg_(jpeg), options_(options), destination_(jpeg.size + kInitialSlack) {
        for (const ScanRow& row : script) {
            scans_.push_back(
                {row[0], {row[1], row[2], row[3], row[4]}, row[5], row[6], row[7], row[8]});
        }
        source_info_.err = &errors_;
        target_info_.err = &errors_;
    }

    ~Session() {
        jpeg_destroy_compress(&target_info_);
        jpeg_destroy_decompress(&source_info_);
    }

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    Bytes run() {
        if (!try_run()) {
            errors_.raise();
        }
        return destination_.release();
    }

  private:
    static constexpr std::size_t kInitialSlack = 4096;

    bool try_run() noexcept {
        if (setjmp(errors_.escape)) {
            return false;
        }
        open();
        jvirt_barray_ptr* coefficients = jpeg_read_coefficients(&source_info_);
        describe_target();
        jpeg_write_coefficients(&target_info_, coefficients);
        copy_markers();
        jpeg_finish_compress(&target_info_);
        jpeg_finish_decompress(&source_info_);
        return true;
    }

    void open() {
        jpeg_create_decompress(&source_info_);
        jpeg_create_compress(&target_info_);
        source_info_.mem->max_memory_to_use = options_.max_memory_bytes;
        jpeg_mem_src(&source_info_, jpeg_.data, jpeg_.size);
        if (options_.copy_markers == CopyMarkers::kExif) {
            jpeg_save_markers(&source_info_, kAPP1, kMaxMarkerBytes);
        } else if (options_.copy_markers == CopyMarkers::kAll) {
            jpeg_save_markers(&source_info_, kCOM, kMaxMarkerBytes);
            for (int marker = kAPP0; marker <= kAPP15; ++marker) {
                jpeg_save_markers(&source_info_, marker, kMaxMarkerBytes);
            }
        }
        jpeg_read_header(&source_info_, TRUE);
    }

    void describe_target() {
        jpeg_copy_critical_parameters(&source_info_, &target_info_);
        // Decoders invert CMYK that has an Adobe marker: don't add one where the source had none.
        target_info_.write_Adobe_marker &= source_info_.saw_Adobe_marker;
        target_info_.optimize_coding = TRUE;
        target_info_.num_scans = static_cast<int>(scans_.size());
        target_info_.scan_info = scans_.empty() ? nullptr : scans_.data();
        target_info_.dest = &destination_;
    }

    void copy_markers() {
        for (auto* marker = source_info_.marker_list; marker != nullptr; marker = marker->next) {
            if (wanted(*marker)) {
                jpeg_write_marker(&target_info_, marker->marker, marker->data, marker->data_length);
            }
        }
    }

    /// libjpeg itself writes JFIF and Adobe where the colour space calls for them.
    bool wanted(const jpeg_marker_struct& marker) const {
        if (options_.copy_markers == CopyMarkers::kExif) {
            return is_exif({marker.data, marker.data_length});
        }
        const bool jfif = marker.marker == kAPP0 && starts_with(marker, "JFIF");
        const bool adobe = marker.marker == kAPP14 && starts_with(marker, "Adobe");
        return !(jfif && target_info_.write_JFIF_header) &&
               !(adobe && target_info_.write_Adobe_marker);
    }

    ByteSpan jpeg_;
    const TranscodeOptions& options_;
    std::vector<jpeg_scan_info> scans_;
    JpegErrors errors_;
    JpegDestination destination_;
    jpeg_decompress_struct source_info_{};
    jpeg_compress_struct target_info_{};
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
    return Session(jpeg, find_script(scripts, header.components), options).run();
}

}  // namespace pcr
