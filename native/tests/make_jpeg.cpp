#include "make_jpeg.hpp"

#include "jpeg/libjpeg.hpp"

std::vector<uint8_t> make_jpeg(const JpegKind& kind) {
    jpeg_compress_struct info{};
    jpeg_error_mgr errors{};
    info.err = jpeg_std_error(&errors);
    jpeg_create_compress(&info);
    unsigned char* output = nullptr;
    unsigned long size = 0;
    jpeg_mem_dest(&info, &output, &size);
    info.image_width = kind.width;
    info.image_height = kind.height;
    info.input_components = kind.components;
    info.in_color_space = kind.components == 1   ? JCS_GRAYSCALE
                          : kind.components == 3 ? JCS_RGB
                                                 : JCS_CMYK;
    jpeg_set_defaults(&info);
    jpeg_set_quality(&info, 90, TRUE);
    info.comp_info[0].h_samp_factor = kind.luma_sampling;
    info.comp_info[0].v_samp_factor = kind.luma_sampling;
    info.restart_interval = kind.restart_interval;
    if (kind.progressive) {
        jpeg_simple_progression(&info);
    }
    jpeg_start_compress(&info, TRUE);
    std::vector<JSAMPLE> row(static_cast<size_t>(kind.width) * kind.components);
    uint32_t noise = 1;
    for (int y = 0; y < kind.height; ++y) {
        for (size_t x = 0; x < row.size(); ++x) {
            noise = noise * 1664525 + 1013904223;
            row[x] = static_cast<JSAMPLE>((x * 3 + y * 2) / 2 % 200 + (noise >> 27));
        }
        JSAMPROW rows = row.data();
        jpeg_write_scanlines(&info, &rows, 1);
    }
    jpeg_finish_compress(&info);
    jpeg_destroy_compress(&info);
    std::vector<uint8_t> jpeg(output, output + size);
    std::free(output);
    return jpeg;
}

std::vector<int16_t> read_coefficients(pcr::ByteSpan jpeg) {
    jpeg_decompress_struct info{};
    jpeg_error_mgr errors{};
    info.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, jpeg.data, jpeg.size);
    jpeg_read_header(&info, TRUE);
    jvirt_barray_ptr* arrays = jpeg_read_coefficients(&info);
    std::vector<int16_t> coefficients;
    for (int c = 0; c < info.num_components; ++c) {
        const jpeg_component_info& component = info.comp_info[c];
        for (JDIMENSION y = 0; y < component.height_in_blocks; ++y) {
            const JBLOCKARRAY blocks = info.mem->access_virt_barray(
                reinterpret_cast<j_common_ptr>(&info), arrays[c], y, 1, FALSE);
            const JCOEF* row = blocks[0][0];
            coefficients.insert(coefficients.end(), row,
                                row + size_t{component.width_in_blocks} * DCTSIZE2);
        }
    }
    jpeg_finish_decompress(&info);
    jpeg_destroy_decompress(&info);
    return coefficients;
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
    const pcr::ScanScript four = {{4, {0, 1, 2, 3}, 0, 0, 0, 0},
                                  {1, {0}, 1, 63, 0, 0},
                                  {1, {1}, 1, 63, 0, 0},
                                  {1, {2}, 1, 63, 0, 0},
                                  {1, {3}, 1, 63, 0, 0}};
    return {{1, gray}, {3, colour}, {4, four}};
}
