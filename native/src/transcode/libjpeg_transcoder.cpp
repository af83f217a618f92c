#include "transcode/libjpeg_transcoder.hpp"

#include "jpeg/libjpeg.hpp"
#include "transcode/copied_markers.hpp"

namespace pcr {
namespace {

/// One run of libjpeg from the source's coefficients to the destination's scans. Everything that
/// must be freed is a member, so that leaving libjpeg through longjmp skips no destructor.
class Session {
  public:
    Session(ByteSpan jpeg, const std::vector<Segment>& applications, const ScanScript& script,
            const TranscodeOptions& options)
        : jpeg_(jpeg),
          applications_(applications),
          options_(options),
          destination_(jpeg.size + kInitialSlack) {
        for (const ScanSpec& scan : script) scans_.push_back(to_libjpeg(scan));
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
        if (!try_read()) {
            errors_.raise();
        }
        markers_ = copied_markers(applications_, options_.copy_markers,
                                  target_info_.write_JFIF_header, target_info_.write_Adobe_marker);
        if (!try_write()) {
            errors_.raise();
        }
        return destination_.release();
    }

  private:
    static constexpr size_t kInitialSlack = 4096;

    static jpeg_scan_info to_libjpeg(const ScanSpec& scan) {
        const auto& c = scan.components;
        return {scan.count, {c[0], c[1], c[2], c[3]}, scan.first, scan.last, scan.high, scan.low};
    }

    bool try_read() noexcept {
        if (setjmp(errors_.escape)) {
            return false;
        }
        jpeg_create_decompress(&source_info_);
        jpeg_create_compress(&target_info_);
        source_info_.mem->max_memory_to_use = options_.max_memory_bytes;
        jpeg_mem_src(&source_info_, jpeg_.data, jpeg_.size);
        jpeg_read_header(&source_info_, TRUE);
        coefficients_ = jpeg_read_coefficients(&source_info_);
        describe_target();
        return true;
    }

    bool try_write() noexcept {
        if (setjmp(errors_.escape)) {
            return false;
        }
        jpeg_write_coefficients(&target_info_, coefficients_);
        for (const Segment& segment : markers_) {
            jpeg_write_marker(&target_info_, segment.marker, segment.payload.data,
                              static_cast<unsigned>(segment.payload.size));
        }
        jpeg_finish_compress(&target_info_);
        jpeg_finish_decompress(&source_info_);
        return true;
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

    ByteSpan jpeg_;
    const std::vector<Segment>& applications_;
    const TranscodeOptions& options_;
    std::vector<jpeg_scan_info> scans_;
    std::vector<Segment> markers_;
    JpegErrors errors_;
    JpegDestination destination_;
    jpeg_decompress_struct source_info_{};
    jpeg_compress_struct target_info_{};
    jvirt_barray_ptr* coefficients_ = nullptr;
};

}  // namespace

Bytes transcode_with_libjpeg(ByteSpan jpeg, const std::vector<Segment>& applications,
                             const ScanScript& script, const TranscodeOptions& options) {
    return Session(jpeg, applications, script, options).run();
}

}  // namespace pcr
