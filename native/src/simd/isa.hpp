// Kernels are compiled from one `.inl` file for several instruction sets: the baseline and, on
// x86-64, AVX2 + BMI2 ("x86-64-v3") and for some kernels AVX-512 ("x86-64-v4"), chosen once at run
// time. PDEP and PEXT are not used, although they belong to BMI2: AMD's processors before Zen 3
// have them as microcode, slower than a loop. The markers below switch the target for the functions
// between them; headers must be included before.
#pragma once

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define PCR_HAVE_X86_KERNELS 1
#include <immintrin.h>
#define PCR_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define PCR_BEGIN_TARGET(names) \
    PCR_PRAGMA(clang attribute push(__attribute__((target(names))), apply_to = function))
#define PCR_END_TARGET PCR_PRAGMA(clang attribute pop)
#else
#define PCR_BEGIN_TARGET(names) PCR_PRAGMA(GCC push_options) PCR_PRAGMA(GCC target(names))
#define PCR_END_TARGET PCR_PRAGMA(GCC pop_options)
#endif
#define PCR_BEGIN_AVX2 PCR_BEGIN_TARGET("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")
#define PCR_BEGIN_AVX512 \
    PCR_BEGIN_TARGET("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt,avx512f,avx512bw,avx512dq,avx512vl")
#endif

namespace pcr {

enum class InstructionSet { kPortable, kAvx2, kAvx512 };  // each has those before

/// The best that this processor has, or the lesser one that PCR_INSTRUCTION_SET in the environment
/// names: portable, avx2 or avx512.
InstructionSet instruction_set();

}  // namespace pcr
