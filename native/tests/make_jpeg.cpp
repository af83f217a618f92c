#include "make_jpeg.hpp"

#include <utility>

#include "jpeg/libjpeg.hpp"
#include "pcr/test_support.hpp"

namespace {

J_COLOR_SPACE color_space(int components) {
    switch (components) {
        case 1:
            return JCS_GRAYSCALE;
        case 3:
            return JCS_RGB;
        case 4:
            return JCS_CMYK;
        default:
            return JCS_UNKNOWN;
    }
}

void describe(jpeg_compress_struct& info, const JpegKind& kind) {
    info.image_width = kind.width;
    info.image_height = kind.height;
    info.input_components = kind.components;
    info.in_color_space = color_space(kind.components);
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 90, TRUE);
    info.comp_info[0].h_samp_factor = kind.luma_sampling;
    info.comp_info[0].v_samp_factor = kind.luma_sampling;
    info.restart_interval = kind.restart_interval;
    if (kind.progressive) jpeg_simple_progression(&info);
}

void write_rows(jpeg_compress_struct& info, std::vector<JSAMPLE>& row) {
    uint32_t noise = 1;
    for (JDIMENSION y = 0; y < info.image_height; ++y) {
        for (size_t x = 0; x < row.size(); ++x) {
            noise = noise * 1664525 + 1013904223;
            row[x] = static_cast<JSAMPLE>((x * 3 + y * 2) / 2 % 200 + (noise >> 27));
        }
        JSAMPROW rows = row.data();
        jpeg_write_scanlines(&info, &rows, 1);
    }
}

}  // namespace

std::vector<uint8_t> make_jpeg(const JpegKind& kind) {
    pcr::JpegErrors errors(pcr::JpegWarnings::kErrors);
    pcr::JpegDestination destination(4096);
    pcr::JpegCompressor info(errors);
    std::vector<JSAMPLE> row(static_cast<size_t>(kind.width) * kind.components);
    errors.run([&] {
        jpeg_create_compress(&info);
        info.dest = &destination;
        describe(info, kind);
        jpeg_start_compress(&info, TRUE);
        write_rows(info, row);
        jpeg_finish_compress(&info);
    });
    const pcr::Bytes jpeg = destination.release();
    return {jpeg.data.get(), jpeg.data.get() + jpeg.size};
}

std::vector<std::vector<int16_t>> read_values(pcr::ByteSpan jpeg) {
    std::vector<std::vector<int16_t>> values;
    for (auto& component : pcr::read_coefficients(jpeg, pcr::Codec::kLibjpeg, pcr::kMaxPixels)) {
        values.push_back(std::move(component.values));
    }
    return values;
}

pcr::ScanScripts make_scripts() {
    const pcr::ScanScript gray = {{1, {0}, 0, 0, 0, 1},  {1, {0}, 1, 5, 0, 2},
                                  {1, {0}, 6, 63, 0, 2}, {1, {0}, 1, 63, 2, 1},
                                  {1, {0}, 0, 0, 1, 0},  {1, {0}, 1, 63, 1, 0}};
    const pcr::ScanScript colour = {{3, {0, 1, 2}, 0, 0, 0, 1}, {1, {0}, 1, 5, 0, 2},
                                    {1, {2}, 1, 63, 0, 1},      {1, {1}, 1, 63, 0, 1},
                                    {1, {0}, 6, 63, 0, 2},      {1, {0}, 1, 63, 2, 1},
                                    {3, {0, 1, 2}, 0, 0, 1, 0}, {1, {2}, 1, 63, 1, 0},
                                    {1, {1}, 1, 63, 1, 0},      {1, {0}, 1, 63, 1, 0}};
    const pcr::ScanScript two = {
        {2, {0, 1}, 0, 0, 0, 0}, {1, {0}, 1, 63, 0, 0}, {1, {1}, 1, 63, 0, 0}};
    const pcr::ScanScript four = {{4, {0, 1, 2, 3}, 0, 0, 0, 0},
                                  {1, {0}, 1, 63, 0, 0},
                                  {1, {1}, 1, 63, 0, 0},
                                  {1, {2}, 1, 63, 0, 0},
                                  {1, {3}, 1, 63, 0, 0}};
    return {{1, gray}, {2, two}, {3, colour}, {4, four}};
}
