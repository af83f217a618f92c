#include "simd/isa.hpp"

#include <cstdlib>
#include <cstring>

namespace pcr {
namespace {

bool detect() {
    const char* forced = std::getenv("PCR_FORCE_PORTABLE");
    if (forced != nullptr && std::strcmp(forced, "1") == 0) return false;
#if defined(PCR_HAVE_AVX2_KERNELS)
    // Every processor with AVX2 has F16C, which compilers cannot all ask for.
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("popcnt");
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
