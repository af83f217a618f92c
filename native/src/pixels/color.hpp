// Colour conversion of rows of 8-bit samples, equal to libjpeg-turbo's and Pillow's.
#pragma once

#include <cstdint>

namespace pcr {

/// Interleaved R, G, B to planes.
void split_rgb_row(const uint8_t* rgb, uint32_t width, uint8_t* r, uint8_t* g, uint8_t* b);

/// Interleaved CMYK as Adobe's JPEGs hold it (inverted) to R, G, B; Pillow's convert("RGB").
void inverted_cmyk_row_to_rgb(const uint8_t* cmyk, uint32_t width, uint8_t* r, uint8_t* g,
                              uint8_t* b);

/// In place, planar: three inverted colour planes and black to R, G, B.
void inverted_cmyk_planes_to_rgb(const uint8_t* const cmyk[4], uint32_t width,
                                 uint8_t* const rgb[3]);

/// Rows are read and written in steps of up to 32 samples: up to 31 more than `width` (62 in what
/// expand_columns writes).
struct ColorKernels {
    /// JFIF YCbCr to RGB (ITU-T T.871), with libjpeg's 16-bit fixed-point rounding.
    void (*ycbcr_to_rgb)(const uint8_t* const ycc[3], uint32_t width, uint8_t* const rgb[3]);
    /// near and far are the two rows that a new row lies between, at 1/4 and 3/4; the result is
    /// 3 * near + far.
    void (*blend_rows)(const uint8_t* near, const uint8_t* far, uint32_t width, uint16_t* sums);
    /// Fancy upsampling by two, left and right neighbours included: in[-1] and in[width] are read.
    /// out[2i] = (3 in[i] + in[i-1] + even_bias) >> shift,
    /// out[2i+1] = (3 in[i] + in[i+1] + odd_bias) >> shift.
    void (*expand_columns)(const uint16_t* in, uint32_t width, int even_bias, int odd_bias,
                           int shift, uint8_t* out);
};

const ColorKernels& color_kernels();

}  // namespace pcr
