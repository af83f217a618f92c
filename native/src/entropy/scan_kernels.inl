// Included by kernel_variants.inl once per instruction set.

/// Spreads the low bits of `value` over the set bits of `mask`, lowest first.
inline uint64_t deposit(uint64_t value, uint64_t mask) {
#if defined(PCR_AVX2)
    return _pdep_u64(value, mask);
#else
    uint64_t result = 0;
    for (; mask != 0 && value != 0; mask &= mask - 1, value >>= 1) {
        if (value & 1) result |= mask & (~mask + 1);
    }
    return result;
#endif
}

inline void clear_block(int16_t* block) { std::memset(block, 0, 64 * sizeof *block); }

/// The value of `size` appended bits that follow a code (ITU-T T.81, F.2.2.1, EXTEND).
inline int appended_value(uint64_t window, unsigned code_bits, unsigned size) {
    const uint64_t bits = window << code_bits;
    const int64_t negative = ~(static_cast<int64_t>(bits) >> 63);  // a leading zero: all ones
    const int64_t value = static_cast<int64_t>((bits >> 1) >> (63 - size));
    return static_cast<int>(value + (negative & (1 - (int64_t{1} << size))));
}

/// Looks the next code up and leaves `reader` in front of it. A code that does not exist has no
/// length.
inline Code next_code(BitReader& reader, const HuffmanTable& table) {
    reader.refill();
    const Code code = table.lookup(reader.window());
    return __builtin_expect(code.total_bits() != 0, 1) ? code : table.search(reader.window());
}

#include "entropy/band_kernels.inl"
#include "entropy/mcu_kernels.inl"
#include "entropy/refinement_kernels.inl"

const ScanKernels kKernels = {decode_sequential, decode_dc_first, decode_dc_refine, decode_ac_first,
                              decode_ac_refine};
