#include "simd/isa.hpp"

#include <cstdlib>
#include <cstring>

#if defined(PCR_HAVE_AVX2_KERNELS)
#include <cpuid.h>
#endif

namespace pcr {
namespace {

#if defined(PCR_HAVE_AVX2_KERNELS)
// Asks the processor itself: what __builtin_cpu_supports reads is all zeros under Zig's runtime.
__attribute__((target("xsave"))) bool keeps_avx_registers() { return (_xgetbv(0) & 6) == 6; }

bool supports_avx2_kernels() {
    unsigned eax, ebx, ecx, edx;
    constexpr unsigned kFirst = bit_FMA | bit_POPCNT | bit_OSXSAVE | bit_AVX | bit_F16C;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || (ecx & kFirst) != kFirst) return false;
    if (!keeps_avx_registers()) return false;
    constexpr unsigned kSeventh = bit_AVX2 | bit_BMI | bit_BMI2;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && (ebx & kSeventh) == kSeventh;
}
#endif

bool detect() {
    const char* forced = std::getenv("PCR_FORCE_PORTABLE");
    if (forced != nullptr && std::strcmp(forced, "1") == 0) return false;
#if defined(PCR_HAVE_AVX2_KERNELS)
    return supports_avx2_kernels();
#else
    return false;
#endif
}

}  // namespace

bool use_avx2_kernels() {
    static const bool use = detect();
    return use;
}

}  // namespace pcr
