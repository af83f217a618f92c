// Included by resample_kernels.cpp once per instruction set.

#if defined(PCR_AVX2)

inline void transpose8(__m256 r[8]) {
  __m256 a[8], b[8];
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
    a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
    b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xEE);
    b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
    b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(b[i], b[4 + i], 0x20);
    r[4 + i] = _mm256_permute2f128_ps(b[i], b[4 + i], 0x31);
  }
}

void blend_rows(const uint8_t* plane, size_t stride, uint32_t width, const FilterTaps& taps,
                uint32_t first_row, uint32_t rows, float* out) {
  for (uint32_t x = 0; x < width; x += 8) {
    __m256 sums[8];
    for (uint32_t j = 0; j < kRowsAtOnce; ++j) {
      sums[j] = _mm256_setzero_ps();
      if (j >= rows) continue;
      const FilterTaps::Span& span = taps.spans[first_row + j];
      const float* weights = &taps.weights[span.weight];
      const uint8_t* source = plane + span.first * stride + x;
      __m256 sum = _mm256_setzero_ps();
      for (uint32_t t = 0; t < span.count; ++t, source += stride) {
        const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(source));
        const __m256 values = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(weights + t), values, sum);
      }
      sums[j] = sum;
    }
    transpose8(sums);
    for (int i = 0; i < 8; ++i) _mm256_store_ps(out + (size_t{x} + i) * 8, sums[i]);
  }
}

void blend_columns(const float* in, const FilterTaps& taps, float* out, size_t out_stride) {
  const auto width = static_cast<uint32_t>(taps.spans.size());
  for (uint32_t x = 0; x < width; x += 8) {
    __m256 sums[8];
    for (uint32_t i = 0; i < 8; ++i) {
      const FilterTaps::Span& span = taps.spans[std::min(x + i, width - 1)];
      const float* weights = &taps.weights[span.weight];
      const float* source = in + size_t{span.first} * 8;
      __m256 sum = _mm256_setzero_ps();
      for (uint32_t t = 0; t < span.count; ++t, source += 8) {
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(weights + t), _mm256_load_ps(source), sum);
      }
      sums[i] = sum;
    }
    transpose8(sums);
    for (int j = 0; j < 8; ++j) _mm256_storeu_ps(out + j * out_stride + x, sums[j]);
  }
}

#else

void blend_rows(const uint8_t* plane, size_t stride, uint32_t width, const FilterTaps& taps,
                uint32_t first_row, uint32_t rows, float* out) {
  std::fill_n(out, size_t{width} * kRowsAtOnce, 0.0f);
  for (uint32_t j = 0; j < rows; ++j) {
    const FilterTaps::Span& span = taps.spans[first_row + j];
    for (uint32_t t = 0; t < span.count; ++t) {
      const float weight = taps.weights[span.weight + t];
      const uint8_t* source = plane + (span.first + t) * stride;
      for (uint32_t x = 0; x < width; ++x) {
        out[size_t{x} * kRowsAtOnce + j] += weight * static_cast<float>(source[x]);
      }
    }
  }
}

void blend_columns(const float* in, const FilterTaps& taps, float* out, size_t out_stride) {
  for (uint32_t x = 0; x < taps.spans.size(); ++x) {
    const FilterTaps::Span& span = taps.spans[x];
    float sums[kRowsAtOnce] = {};
    for (uint32_t t = 0; t < span.count; ++t) {
      const float weight = taps.weights[span.weight + t];
      const float* source = in + (size_t{span.first} + t) * kRowsAtOnce;
      for (uint32_t j = 0; j < kRowsAtOnce; ++j) sums[j] += weight * source[j];
    }
    for (uint32_t j = 0; j < kRowsAtOnce; ++j) out[j * out_stride + x] = sums[j];
  }
}

#endif

template <typename T, typename Convert>
inline void store_converted(const float* values, uint32_t count, float scale, float bias, T* out,
                            size_t step, Convert convert) {
  if (step == 1) {  // apart, so that the compiler vectorises it
    for (uint32_t i = 0; i < count; ++i) out[i] = convert(values[i] * scale + bias);
  } else {
    for (uint32_t i = 0; i < count; ++i) out[i * step] = convert(values[i] * scale + bias);
  }
}

void store_row(const float* values, uint32_t count, float scale, float bias, DType dtype,
               uint8_t* out, size_t step) {
  switch (dtype) {
    case DType::kUint8:
      return store_converted(values, count, scale, bias, out, step, [](float v) {
        return static_cast<uint8_t>(static_cast<int>(std::min(std::max(v, 0.0f), 255.0f) + 0.5f));
      });
    case DType::kFloat32:
      return store_converted(values, count, scale, bias, reinterpret_cast<float*>(out), step,
                             [](float v) { return v; });
    case DType::kFloat16:
#if defined(PCR_AVX2)
      return store_converted(values, count, scale, bias, reinterpret_cast<uint16_t*>(out), step,
                             [](float v) { return static_cast<uint16_t>(_cvtss_sh(v, 0)); });
#else
      return store_converted(values, count, scale, bias, reinterpret_cast<uint16_t*>(out), step,
                             to_float16);
#endif
    case DType::kBfloat16:
      return store_converted(values, count, scale, bias, reinterpret_cast<uint16_t*>(out), step,
                             to_bfloat16);
  }
}

const ResampleKernels kResampleKernels = {blend_rows, blend_columns, store_row};
