#include "decode/libjpeg_decoder.hpp"

#include <jpeglib.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "pcr/error.hpp"
#include "pcr/limits.hpp"
#include "pixels/color.hpp"

namespace pcr {

namespace {

[[noreturn]] void throw_error(j_common_ptr info) {
    char message[JMSG_LENGTH_MAX];
    (*info->err->format_message)(info, message);
    throw FormatError(message);
}

void ignore_message(j_common_ptr, int) {}

void limit_scans(j_common_ptr info) {
    const auto* decompressor = reinterpret_cast<j_decompress_ptr>(info);
    if (decompressor->input_scan_number > kMaxScans) {
        throw FormatError("more than " + std::to_string(kMaxScans) + " scans");
    }
}

/// A libjpeg decompressor that reads from memory and throws FormatError.
class Decompressor {
  public:
    Decompressor(ByteSpan jpeg, int64_t max_pixels) {
        info_.err = jpeg_std_error(&errors_);
        errors_.error_exit = throw_error;
        errors_.emit_message = ignore_message;
        jpeg_create_decompress(&info_);
        progress_.progress_monitor = limit_scans;
        info_.progress = &progress_;
        try {
            open(jpeg, max_pixels);
        } catch (...) {
            jpeg_destroy_decompress(&info_);
            throw;
        }
    }
    ~Decompressor() { jpeg_destroy_decompress(&info_); }
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    jpeg_decompress_struct* operator->() { return &info_; }
    jpeg_decompress_struct* get() { return &info_; }

  private:
    void open(ByteSpan jpeg, int64_t max_pixels) {
        if (jpeg.size == 0) throw FormatError("empty JPEG");
        jpeg_mem_src(&info_, jpeg.data, static_cast<unsigned long>(jpeg.size));
        jpeg_read_header(&info_, TRUE);
        check_pixels(info_.image_width, info_.image_height, max_pixels);
    }

    jpeg_decompress_struct info_{};
    jpeg_error_mgr errors_{};
    jpeg_progress_mgr progress_{};
};

int choose_output_space(Decompressor& decompressor) {
    switch (decompressor->num_components) {
        case 1:
            decompressor->out_color_space = JCS_GRAYSCALE;
            return 1;
        case 3:
            decompressor->out_color_space = JCS_RGB;
            return 3;
        case 4:
            decompressor->out_color_space = JCS_CMYK;
            return 4;
        default:
            throw FormatError("unsupported number of components: " +
                              std::to_string(decompressor->num_components));
    }
}

/// Restricts decoding to the region's columns with a margin of one MCU, because upsampling looks at
/// neighbours. Returns the first column that libjpeg will deliver.
uint32_t crop_columns(Decompressor& decompressor, const Region& region) {
    const uint32_t width = decompressor->output_width;
    const uint32_t mcu = 8u * static_cast<uint32_t>(decompressor->max_h_samp_factor);
    JDIMENSION offset = region.x0 > mcu ? region.x0 - mcu : 0;
    JDIMENSION columns = std::min<uint32_t>(width, region.x1 + mcu) - offset;
    if (columns == width || columns < 4 * mcu) return 0;
    jpeg_crop_scanline(decompressor.get(), &offset, &columns);
    return offset;
}

void skip_rows(Decompressor& decompressor, uint32_t count) {
    if (count > 0) jpeg_skip_scanlines(decompressor.get(), count);
}

void store_row(const uint8_t* pixels, int channels, uint32_t width, PlanarImage& out, uint32_t y) {
    if (channels == 1) {
        std::memcpy(out.row(0, y), pixels, width);
    } else if (channels == 3) {
        split_rgb_row(pixels, width, out.row(0, y), out.row(1, y), out.row(2, y));
    } else {
        inverted_cmyk_row_to_rgb(pixels, width, out.row(0, y), out.row(1, y), out.row(2, y));
    }
}

}  // namespace

struct LibjpegImage::State {
    State(ByteSpan jpeg, int64_t max_pixels) : decompressor(jpeg, max_pixels) {}
    Decompressor decompressor;
};

LibjpegImage::LibjpegImage(ByteSpan jpeg, int64_t max_pixels)
    : state_(std::make_unique<State>(jpeg, max_pixels)) {}

LibjpegImage::~LibjpegImage() = default;

uint32_t LibjpegImage::width() const { return state_->decompressor->image_width; }

uint32_t LibjpegImage::height() const { return state_->decompressor->image_height; }

void LibjpegImage::decode(int scale, bool block_smoothing, Region region, PlanarImage& out) {
    Decompressor& decompressor = state_->decompressor;
    const int channels = choose_output_space(decompressor);
    decompressor->scale_num = static_cast<unsigned>(8 / scale);
    decompressor->scale_denom = 8;
    decompressor->do_block_smoothing = block_smoothing ? TRUE : FALSE;
    decompressor->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(decompressor.get());

    if (region.width() == 0)
        region = {0, 0, decompressor->output_width, decompressor->output_height};
    if (region.x1 > decompressor->output_width || region.y1 > decompressor->output_height) {
        throw FormatError("region lies outside of the picture");
    }
    uint32_t first_column = 0;
    uint32_t first_row = 0;
    if (!block_smoothing) {  // smoothing looks at neighbours that cropping takes away
        first_column = crop_columns(decompressor, region);
        first_row = region.y0;
        skip_rows(decompressor, first_row);
    }
    std::vector<uint8_t> line(size_t{decompressor->output_width} * channels);
    JSAMPROW rows[1] = {line.data()};
    out.reset(channels == 1 ? 1 : 3, region.width(), region.height());
    for (uint32_t y = first_row; y < region.y1; ++y) {
        jpeg_read_scanlines(decompressor.get(), rows, 1);
        if (y < region.y0) continue;
        store_row(line.data() + size_t{region.x0 - first_column} * channels, channels,
                  region.width(), out, y - region.y0);
    }
}

std::vector<ComponentCoefficients> libjpeg_coefficients(ByteSpan jpeg, int64_t max_pixels) {
    Decompressor decompressor(jpeg, max_pixels);
    jvirt_barray_ptr* arrays = jpeg_read_coefficients(decompressor.get());
    std::vector<ComponentCoefficients> components(decompressor->num_components);
    for (int c = 0; c < decompressor->num_components; ++c) {
        const jpeg_component_info& info = decompressor->comp_info[c];
        ComponentCoefficients& component = components[c];
        component.width_in_blocks = info.width_in_blocks;
        component.height_in_blocks = info.height_in_blocks;
        const size_t row_values = size_t{info.width_in_blocks} * 64;
        component.values.resize(row_values * info.height_in_blocks);
        for (JDIMENSION y = 0; y < info.height_in_blocks; ++y) {
            JBLOCKARRAY rows = (*decompressor->mem->access_virt_barray)(
                reinterpret_cast<j_common_ptr>(decompressor.get()), arrays[c], y, 1, FALSE);
            std::memcpy(&component.values[y * row_values], rows[0], row_values * sizeof(int16_t));
        }
    }
    return components;
}

}  // namespace pcr
