// Compiles PCR_KERNELS, an `.inl` file named as seen from here, once per instruction set. That file
// defines one table of functions, `kKernels`; where PCR_AVX2 is defined it may use those
// instructions. `select_kernels` returns the table for this processor.

namespace {

namespace portable {
#include PCR_KERNELS
}  // namespace portable

#if defined(PCR_HAVE_AVX2_KERNELS)
PCR_BEGIN_AVX2
namespace avx2 {
#define PCR_AVX2 1
#include PCR_KERNELS
#undef PCR_AVX2
}  // namespace avx2
PCR_END_AVX2
#endif

const auto& select_kernels() {
#if defined(PCR_HAVE_AVX2_KERNELS)
    if (use_avx2_kernels()) return avx2::kKernels;
#endif
    return portable::kKernels;
}

}  // namespace

#undef PCR_KERNELS
