#include "simd/isa.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#if defined(PCR_HAVE_X86_KERNELS)
#include <cpuid.h>
#endif

namespace pcr {
namespace {

#if defined(PCR_HAVE_X86_KERNELS)
// Asks the processor itself: what __builtin_cpu_supports reads is all zeros under Zig's runtime.
__attribute__((target("xsave"))) uint64_t kept_registers() { return _xgetbv(0); }

bool has_all(uint64_t found, uint64_t wanted) { return (found & wanted) == wanted; }

InstructionSet detect() {
    constexpr uint64_t kYmmKept = 0x06, kZmmKept = 0xE6;
    constexpr unsigned kFirst = bit_FMA | bit_POPCNT | bit_OSXSAVE | bit_AVX | bit_F16C;
    constexpr unsigned kAvx2 = bit_AVX2 | bit_BMI | bit_BMI2;
    constexpr unsigned kAvx512 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has_all(ecx, kFirst) ||
        !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return InstructionSet::kPortable;
    }
    const uint64_t kept = kept_registers();
    if (!has_all(ebx, kAvx2) || !has_all(kept, kYmmKept)) return InstructionSet::kPortable;
    // VBMI is not used: processors without it are those that lower their clock for AVX-512.
    const bool has_avx512 = has_all(ebx, kAvx512) && has_all(ecx, bit_AVX512VBMI);
    return has_avx512 && has_all(kept, kZmmKept) ? InstructionSet::kAvx512 : InstructionSet::kAvx2;
}
#else
InstructionSet detect() { return InstructionSet::kPortable; }
#endif

InstructionSet allowed() {
    const char* name = std::getenv("PCR_INSTRUCTION_SET");
    if (name != nullptr && std::strcmp(name, "portable") == 0) return InstructionSet::kPortable;
    if (name != nullptr && std::strcmp(name, "avx2") == 0) return InstructionSet::kAvx2;
    return InstructionSet::kAvx512;
}

}  // namespace

InstructionSet instruction_set() {
    static const InstructionSet best = std::min(detect(), allowed());
    return best;
}

}  // namespace pcr
