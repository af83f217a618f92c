// Included by kernel_variants.inl once per instruction set.

inline void clear_block(int16_t* block) {
#if defined(PCR_AVX2)
    for (int i = 0; i < 64; i += 16) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(block + i), _mm256_setzero_si256());
    }
#else
    std::memset(block, 0, 64 * sizeof *block);
#endif
}

/// Looks the next code up and leaves `reader` in front of it. A code that does not exist has no
/// length.
inline Code next_code(BitReader& reader, const HuffmanTable& table) {
    reader.refill();
    return table.find(reader.window());
}

#include "entropy/band_kernels.inl"
#include "entropy/mcu_kernels.inl"
#include "entropy/refinement_kernels.inl"

const ScanKernels kKernels = {decode_sequential, decode_dc_first, decode_dc_refine, decode_ac_first,
                              decode_ac_refine};
