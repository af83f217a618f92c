#include "transcode/libjpeg_transcoder.hpp"

#include "jpeg/libjpeg.hpp"
#include "transcode/copied_markers.hpp"

namespace pcr {
namespace {

/// What libjpeg has read of JFIF and Adobe segments, as it decides on colours by them.
class ApplicationState {
  public:
    explicit ApplicationState(const jpeg_decompress_struct& info)
        : saw_jfif_(info.saw_JFIF_marker),
          version_{info.JFIF_major_version, info.JFIF_minor_version},
          density_unit_(info.density_unit),
          density_{info.X_density, info.Y_density},
          saw_adobe_(info.saw_Adobe_marker) {}

    void restore(jpeg_decompress_struct& info) const {
        info.saw_JFIF_marker = saw_jfif_;
        info.JFIF_major_version = version_[0];
        info.JFIF_minor_version = version_[1];
        info.density_unit = density_unit_;
        info.X_density = density_[0];
        info.Y_density = density_[1];
        info.saw_Adobe_marker = saw_adobe_;
    }

  private:
    boolean saw_jfif_;
    UINT8 version_[2];
    UINT8 density_unit_;
    UINT16 density_[2];
    boolean saw_adobe_;
};

/// One run of libjpeg from the source's coefficients to the destination's scans. What it owns is
/// a member, so that leaving libjpeg through longjmp skips no destructor.
class Session {
  public:
    Session(ByteSpan jpeg, const ScanScript& script, const TranscodeOptions& options)
        : jpeg_(jpeg), options_(options), destination_(jpeg.size + kInitialSlack) {
        for (const ScanSpec& scan : script) scans_.push_back(to_libjpeg(scan));
    }

    Bytes run(const std::vector<Segment>& applications) {
        errors_.run([this] { read(); });
        const auto markers = copied_markers(applications, options_.copy_markers,
                                            target_.write_JFIF_header, target_.write_Adobe_marker);
        errors_.run([&] { write(markers); });
        return destination_.release();
    }

  private:
    static constexpr size_t kInitialSlack = 4096;

    static jpeg_scan_info to_libjpeg(const ScanSpec& scan) {
        const auto& c = scan.components;
        return {scan.count, {c[0], c[1], c[2], c[3]}, scan.first, scan.last, scan.high, scan.low};
    }

    void read() {
        jpeg_create_decompress(&source_);
        jpeg_create_compress(&target_);
        source_.mem->max_memory_to_use = options_.max_memory_bytes;
        jpeg_mem_src(&source_, jpeg_.data, jpeg_.size);
        jpeg_read_header(&source_, TRUE);
        const ApplicationState before_scans(source_);
        coefficients_ = jpeg_read_coefficients(&source_);
        before_scans.restore(source_);
        describe_target();
    }

    void describe_target() {
        jpeg_copy_critical_parameters(&source_, &target_);
        // Decoders invert CMYK that has an Adobe marker: don't add one where the source had none.
        target_.write_Adobe_marker &= source_.saw_Adobe_marker;
        target_.optimize_coding = TRUE;
        target_.num_scans = static_cast<int>(scans_.size());
        target_.scan_info = scans_.empty() ? nullptr : scans_.data();
        target_.dest = &destination_;
    }

    void write(const std::vector<Segment>& markers) {
        jpeg_write_coefficients(&target_, coefficients_);
        for (const Segment& segment : markers) {
            jpeg_write_marker(&target_, segment.marker, segment.payload.data,
                              static_cast<unsigned>(segment.payload.size));
        }
        jpeg_finish_compress(&target_);
        jpeg_finish_decompress(&source_);
    }

    ByteSpan jpeg_;
    const TranscodeOptions& options_;
    std::vector<jpeg_scan_info> scans_;
    JpegErrors errors_{JpegWarnings::kErrors};
    JpegDestination destination_;
    JpegDecompressor source_{errors_};
    JpegCompressor target_{errors_};
    jvirt_barray_ptr* coefficients_ = nullptr;
};

}  // namespace

Bytes transcode_with_libjpeg(ByteSpan jpeg, const std::vector<Segment>& applications,
                             const ScanScript& script, const TranscodeOptions& options) {
    return Session(jpeg, script, options).run(applications);
}

}  // namespace pcr
