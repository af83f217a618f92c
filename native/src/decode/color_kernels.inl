// Included by color.cpp once per instruction set; plain loops that the compiler vectorises.

inline uint8_t clamp_u8(int value) {
  return static_cast<uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

void ycbcr_to_rgb(const uint8_t* const ycc[3], uint32_t width, uint8_t* const rgb[3]) {
  const uint8_t* __restrict y = ycc[0];
  const uint8_t* __restrict cb = ycc[1];
  const uint8_t* __restrict cr = ycc[2];
  uint8_t* __restrict r = rgb[0];
  uint8_t* __restrict g = rgb[1];
  uint8_t* __restrict b = rgb[2];
  constexpr int kHalf = 1 << 15;
  for (uint32_t x = 0; x < width; ++x) {
    const int blue = cb[x] - 128;
    const int red = cr[x] - 128;
    r[x] = clamp_u8(y[x] + ((91881 * red + kHalf) >> 16));                  // 1.40200
    g[x] = clamp_u8(y[x] + ((-22554 * blue - 46802 * red + kHalf) >> 16));  // 0.34414, 0.71414
    b[x] = clamp_u8(y[x] + ((116130 * blue + kHalf) >> 16));                // 1.77200
  }
}

void blend_rows(const uint8_t* __restrict near, const uint8_t* __restrict far, uint32_t width,
                uint16_t* __restrict sums) {
  for (uint32_t x = 0; x < width; ++x) sums[x] = static_cast<uint16_t>(3 * near[x] + far[x]);
}

void expand_columns(const uint16_t* __restrict in, uint32_t width, int even_bias, int odd_bias,
                    int shift, uint8_t* __restrict out) {
  const auto even = static_cast<uint16_t>(even_bias);
  const auto odd = static_cast<uint16_t>(odd_bias);
  for (uint32_t i = 0; i < width; ++i) {
    const auto triple = static_cast<uint16_t>(3 * in[i]);
    out[2 * i] = static_cast<uint8_t>(static_cast<uint16_t>(triple + in[static_cast<ptrdiff_t>(i) - 1] + even) >> shift);
    out[2 * i + 1] = static_cast<uint8_t>(static_cast<uint16_t>(triple + in[i + 1] + odd) >> shift);
  }
}

const ColorKernels kColorKernels = {ycbcr_to_rgb, blend_rows, expand_columns};
