// Kernels are compiled twice from one `.inl` file: for the baseline instruction set and, on x86-64,
// for AVX2 + BMI2 ("x86-64-v3"), chosen once at run time. The markers below switch the target
// for the functions between them; headers must be included before.
#pragma once

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define PCR_HAVE_AVX2_KERNELS 1
#include <immintrin.h>
#define PCR_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define PCR_BEGIN_AVX2               \
    PCR_PRAGMA(clang attribute push( \
        __attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"))), apply_to = function))
#define PCR_END_AVX2 PCR_PRAGMA(clang attribute pop)
#else
#define PCR_BEGIN_AVX2 \
    PCR_PRAGMA(GCC push_options) PCR_PRAGMA(GCC target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"))
#define PCR_END_AVX2 PCR_PRAGMA(GCC pop_options)
#endif
#endif

namespace pcr {

/// Whether this processor runs the AVX2 kernels. PCR_FORCE_PORTABLE=1 in the environment says no.
bool use_avx2_kernels();

}  // namespace pcr
