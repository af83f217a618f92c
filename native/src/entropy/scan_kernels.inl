// Included by kernel_variants.inl once per instruction set.

/// Spreads the low bits of `value` over the set bits of `mask`, lowest first.
inline uint64_t deposit(uint64_t value, uint64_t mask) {
#if defined(PCR_PDEP)
    return _pdep_u64(value, mask);
#else
    uint64_t result = 0;
    while (mask != 0 && value != 0) {
        // Neither bits nor their number can be guessed, so there is a branch for each four of them.
        for (int i = 0; i < 4; ++i, mask &= mask - 1, value >>= 1) {
            result |= mask & (0 - mask) & (0 - (value & 1));
        }
    }
    return result;
#endif
}

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

#include "entropy/first_scan_kernels.inl"
#include "entropy/mcu_kernels.inl"
#include "entropy/refinement_kernels.inl"

const ScanKernels kKernels = {decode_sequential, decode_dc_first, decode_dc_refine, decode_ac_first,
                              decode_ac_refine};
