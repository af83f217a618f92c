// Compiles PCR_KERNELS, an `.inl` file named as seen from here, once per instruction set. That file
// defines one table of functions, `kKernels`. Where PCR_AVX2 is defined it may use those
// instructions, and where PCR_AVX512 is too, those as well: for files before whose inclusion
// PCR_KERNELS_HAVE_AVX512 is defined. `select_kernels` returns the table for this processor.

namespace {

namespace portable {
#include PCR_KERNELS
}  // namespace portable

#if defined(PCR_HAVE_X86_KERNELS)
PCR_BEGIN_AVX2
namespace avx2 {
#define PCR_AVX2 1
#include PCR_KERNELS
#undef PCR_AVX2
}  // namespace avx2
PCR_END_TARGET

#if defined(PCR_KERNELS_HAVE_AVX512)
PCR_BEGIN_AVX512
namespace avx512 {
#define PCR_AVX2 1
#define PCR_AVX512 1
#include PCR_KERNELS
#undef PCR_AVX512
#undef PCR_AVX2
}  // namespace avx512
PCR_END_TARGET
#endif
#endif

const auto& select_kernels() {
#if defined(PCR_KERNELS_HAVE_AVX512) && defined(PCR_HAVE_X86_KERNELS)
    if (instruction_set() >= InstructionSet::kAvx512) return avx512::kKernels;
#endif
#if defined(PCR_HAVE_X86_KERNELS)
    if (instruction_set() >= InstructionSet::kAvx2) return avx2::kKernels;
#endif
    return portable::kKernels;
}

}  // namespace

#undef PCR_KERNELS
#undef PCR_KERNELS_HAVE_AVX512
