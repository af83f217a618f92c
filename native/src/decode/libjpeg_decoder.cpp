#include "decode/libjpeg_decoder.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "jpeg/frame.hpp"
#include "pcr/error.hpp"
#include "pcr/limits.hpp"
#include "pixels/color.hpp"

namespace pcr {
namespace {

void limit_scans(j_common_ptr info) {
    if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number <= kMaxScans) return;
    char text[JMSG_LENGTH_MAX];
    std::snprintf(text, sizeof text, "more than %d scans", kMaxScans);
    escape_with(info, text);
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

LibjpegImage::LibjpegImage(ByteSpan jpeg, int64_t max_pixels) {
    if (jpeg.size == 0) throw FormatError("empty JPEG");
    progress_.progress_monitor = limit_scans;
    errors_.run([&] {
        jpeg_create_decompress(&info_);
        info_.progress = &progress_;
        jpeg_mem_src(&info_, jpeg.data, static_cast<unsigned long>(jpeg.size));
        jpeg_read_header(&info_, TRUE);
    });
    check_pixels(info_.image_width, info_.image_height, max_pixels);
}

void LibjpegImage::decode(int scale, bool block_smoothing, Region region, PlanarImage& out) {
    const int channels = choose_output_space();
    block_smoothing = block_smoothing && info_.progressive_mode;
    errors_.run([&] { start(scale, block_smoothing); });
    if (region.width() == 0) region = {0, 0, info_.output_width, info_.output_height};
    if (region.x1 > info_.output_width || region.y1 > info_.output_height) {
        throw FormatError("region lies outside of the picture");
    }
    uint32_t first_column = 0;
    uint32_t y = 0;
    if (!block_smoothing) {  // smoothing looks at neighbours that cropping takes away
        y = region.y0;
        errors_.run([&] {
            first_column = crop_columns(region);
            if (y > 0) jpeg_skip_scanlines(&info_, y);
        });
    }
    std::vector<uint8_t> line(size_t{info_.output_width} * channels);
    const uint8_t* wanted = line.data() + size_t{region.x0 - first_column} * channels;
    out.reset(channels == 1 ? 1 : 3, region.width(), region.height());
    errors_.run([&] {
        JSAMPROW rows[1] = {line.data()};
        for (; y < region.y1; ++y) {
            jpeg_read_scanlines(&info_, rows, 1);
            if (y >= region.y0) store_row(wanted, channels, region.width(), out, y - region.y0);
        }
    });
}

/// Chooses what libjpeg converts to; the number of its channels.
int LibjpegImage::choose_output_space() {
    switch (info_.num_components) {
        case 1:
            info_.out_color_space = JCS_GRAYSCALE;
            return 1;
        case 3:
            info_.out_color_space = JCS_RGB;
            return 3;
        case 4:
            info_.out_color_space = JCS_CMYK;
            return 4;
        default:
            throw FormatError("unsupported number of components: " +
                              std::to_string(info_.num_components));
    }
}

void LibjpegImage::start(int scale, bool block_smoothing) {
    info_.scale_num = static_cast<unsigned>(8 / scale);
    info_.scale_denom = 8;
    info_.do_block_smoothing = block_smoothing ? TRUE : FALSE;
    info_.dct_method = JDCT_ISLOW;
    jpeg_start_decompress(&info_);
}

/// Restricts decoding to the region's columns with a margin of one MCU, because upsampling looks at
/// neighbours. Returns the first column that libjpeg will deliver.
uint32_t LibjpegImage::crop_columns(const Region& region) {
    const uint32_t width = info_.output_width;
    const uint32_t mcu = 8u * static_cast<uint32_t>(info_.max_h_samp_factor);
    JDIMENSION offset = region.x0 > mcu ? region.x0 - mcu : 0;
    JDIMENSION columns = std::min<uint32_t>(width, region.x1 + mcu) - offset;
    if (columns == width || columns < 4 * mcu) return 0;
    jpeg_crop_scanline(&info_, &offset, &columns);
    return offset;
}

std::vector<ComponentCoefficients> LibjpegImage::coefficients() {
    jvirt_barray_ptr* arrays = nullptr;
    errors_.run([&] { arrays = jpeg_read_coefficients(&info_); });
    std::vector<ComponentCoefficients> components;
    for (int c = 0; c < info_.num_components; ++c) {
        const jpeg_component_info& info = info_.comp_info[c];
        const size_t values = size_t{info.width_in_blocks} * info.height_in_blocks * DCTSIZE2;
        components.push_back(
            {info.width_in_blocks, info.height_in_blocks, std::vector<int16_t>(values)});
    }
    errors_.run([&] {
        auto* common = reinterpret_cast<j_common_ptr>(&info_);
        for (int c = 0; c < info_.num_components; ++c) {
            const size_t row_values = size_t{components[c].width_in_blocks} * DCTSIZE2;
            int16_t* out = components[c].values.data();
            for (JDIMENSION y = 0; y < components[c].height_in_blocks; ++y, out += row_values) {
                JBLOCKARRAY rows = (*info_.mem->access_virt_barray)(common, arrays[c], y, 1, FALSE);
                std::memcpy(out, rows[0], row_values * sizeof *out);
            }
        }
    });
    return components;
}

}  // namespace pcr
