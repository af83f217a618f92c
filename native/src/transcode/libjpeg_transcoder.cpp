#include "transcode/libjpeg_transcoder.hpp"

#include <algorithm>

#include "encode/scan_grid.hpp"
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

/// Asks libjpeg for restart markers after the same rows of the picture in each scan. It reads
/// `restart_in_rows`, which counts a scan's own rows, as a scan begins, and reports progress during
/// each of the two passes that it makes for a scan: then the number for the next scan is set.
class RestartRows : public jpeg_progress_mgr {
  public:
    RestartRows() : jpeg_progress_mgr{} {
        progress_monitor = [](j_common_ptr info) {
            const auto& self = *static_cast<RestartRows*>(info->progress);
            const auto next = static_cast<size_t>(self.completed_passes) / 2 + 1;
            self.set(*reinterpret_cast<j_compress_ptr>(info), next);
        };
    }

    /// The rows of each scan, the target's first one set.
    void start(jpeg_compress_struct& target, std::vector<uint32_t> rows) {
        rows_ = std::move(rows);
        target.progress = this;
        set(target, 0);
    }

  private:
    void set(jpeg_compress_struct& target, size_t scan) const {
        if (scan < rows_.size()) target.restart_in_rows = static_cast<int>(rows_[scan]);
    }

    std::vector<uint32_t> rows_;
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
        restart_rows_.start(target_, rows_of_scans());
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

    std::vector<uint32_t> rows_of_scans() const {
        uint32_t blocks_per_row = 1;
        for (int c = 0; c < source_.num_components; ++c) {
            blocks_per_row =
                std::max(blocks_per_row, sampling(c) * source_.comp_info[c].width_in_blocks);
        }
        const uint32_t mcu_rows =
            fitting_restart_rows(options_.restart_rows, source_.total_iMCU_rows, blocks_per_row);
        if (scans_.empty()) return {rows_of_scan(mcu_rows, source_.num_components, sampling(0))};
        std::vector<uint32_t> rows;
        for (const jpeg_scan_info& scan : scans_) {
            rows.push_back(
                rows_of_scan(mcu_rows, scan.comps_in_scan, sampling(scan.component_index[0])));
        }
        return rows;
    }

    /// A component's vertical sampling; 1 for one that is not there, which libjpeg refuses later.
    uint32_t sampling(int component) const {
        if (component < 0 || component >= source_.num_components) return 1;
        return static_cast<uint32_t>(source_.comp_info[component].v_samp_factor);
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
    RestartRows restart_rows_;
    jvirt_barray_ptr* coefficients_ = nullptr;
};

}  // namespace

Bytes transcode_with_libjpeg(ByteSpan jpeg, const std::vector<Segment>& applications,
                             const ScanScript& script, const TranscodeOptions& options) {
    return Session(jpeg, script, options).run(applications);
}

}  // namespace pcr
