// Included by kernel_variants.inl once per instruction set. Sets of coefficients are descending
// here, zigzag index k at bit 63 - k, as the bits that are written have the first one highest.

inline unsigned bit_length(unsigned value) {
    return value == 0 ? 0 : 32 - static_cast<unsigned>(__builtin_clz(value));
}

inline uint64_t descending_bit(int k) { return uint64_t{1} << (63 - k); }

inline unsigned count_of(uint64_t positions) {
    return static_cast<unsigned>(__builtin_popcountll(positions));
}

/// Gathers the bits of `value` at the set bits of `mask`, lowest first.
inline uint64_t extract(uint64_t value, uint64_t mask) {
#if defined(PCR_AVX2)
    return _pext_u64(value, mask);
#else
    uint64_t result = 0;
    for (uint64_t place = 1; mask != 0; mask &= mask - 1, place <<= 1) {
        if (value & mask & (~mask + 1)) result |= place;
    }
    return result;
#endif
}

/// One bit of a block's coefficients, as sets of zigzag positions.
struct BitPlane {
    uint64_t coded = 0;     // those that are nonzero down to this bit
    uint64_t old = 0;       // those that are so without it
    uint64_t bit = 0;       // those that have it
    uint64_t negative = 0;  // those below zero
};

#if defined(PCR_AVX2)
struct Lanes {
    __m256i lanes[4];  // 16 coefficients each

    /// The lanes' sign bits; the first is the highest.
    uint64_t signs() const { return half(lanes[0], lanes[1]) << 32 | half(lanes[2], lanes[3]); }

  private:
    static uint64_t half(__m256i a, __m256i b) {
        const __m256i reverse =
            _mm256_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,
                             1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
        const __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(a, b), 0x27);
        return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_shuffle_epi8(packed, reverse)));
    }
};

/// Coefficients whose magnitude has a bit at or above `shift`.
inline uint64_t reaching(const Lanes& magnitudes, int shift) {
    Lanes zero;
    for (int i = 0; i < 4; ++i) {
        const __m256i shifted = _mm256_srl_epi16(magnitudes.lanes[i], _mm_cvtsi32_si128(shift));
        zero.lanes[i] = _mm256_cmpeq_epi16(shifted, _mm256_setzero_si256());
    }
    return ~zero.signs();
}

inline Lanes magnitudes_of(const int16_t* block) {
    Lanes magnitudes;
    for (int i = 0; i < 4; ++i) {
        magnitudes.lanes[i] =
            _mm256_abs_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(block + 16 * i)));
    }
    return magnitudes;
}

inline BitPlane bit_plane(const int16_t* block, uint64_t positions, int shift) {
    const Lanes magnitudes = magnitudes_of(block);
    Lanes values, bits;
    for (int i = 0; i < 4; ++i) {
        values.lanes[i] = _mm256_load_si256(reinterpret_cast<const __m256i*>(block + 16 * i));
        bits.lanes[i] = _mm256_sll_epi16(magnitudes.lanes[i], _mm_cvtsi32_si128(15 - shift));
    }
    return {reaching(magnitudes, shift) & positions, reaching(magnitudes, shift + 1) & positions,
            bits.signs(), values.signs()};
}

/// Those of the positions whose coefficients are nonzero down to the bit `shift`.
inline uint64_t coded_positions(const int16_t* block, uint64_t positions, int shift) {
    return shift == 0 || positions == 0 ? positions
                                        : positions & reaching(magnitudes_of(block), shift);
}
#else
inline BitPlane bit_plane(const int16_t* block, uint64_t positions, int shift) {
    BitPlane plane;
    for (; positions != 0; positions &= positions - 1) {
        const uint64_t position = positions & (~positions + 1);
        const int value = block[63 - __builtin_ctzll(positions)];
        const int magnitude = std::abs(value) >> shift;
        if (magnitude > 0) plane.coded |= position;
        if (magnitude > 1) plane.old |= position;
        if (magnitude & 1) plane.bit |= position;
        if (value < 0) plane.negative |= position;
    }
    return plane;
}

inline uint64_t coded_positions(const int16_t* block, uint64_t positions, int shift) {
    return shift == 0 ? positions : bit_plane(block, positions, shift).coded;
}
#endif

/// Blocks whose bands end early, coded as one run, with the correction bits that follow it.
class BandRun {
  public:
    BandRun(Tokens& tokens, TableIndex table) : tokens_(tokens), table_(table) {}

    /// A band without anything new; `count` correction bits of what it has.
    void add(unsigned count, uint64_t corrections) {
        ++bands_;
        while (count > 0) {
            const unsigned part = std::min(count, 64 - bit_count_ % 64);
            count -= part;
            uint64_t& word = words_[bit_count_ / 64];
            word = (part < 64 ? word << part : 0) |
                   (corrections >> count & (~uint64_t{0} >> (64 - part)));
            bit_count_ += part;
        }
        if (bands_ == kMaxBandRun || bit_count_ > kMaxCorrectionBits) flush();
    }

    void flush() {
        if (bands_ == 0) return;
        const unsigned bits = bit_length(bands_) - 1;
        tokens_.add(table_, bits << 4, bits, bands_ & ((1u << bits) - 1));
        for (unsigned done = 0; done < bit_count_; done += 64) {
            tokens_.add_bits(std::min(bit_count_ - done, 64u), words_[done / 64]);
        }
        bands_ = bit_count_ = 0;
    }

    /// Ends a restart interval: no run goes beyond it. False where there is no room for the run.
    bool end_interval() {
        if (!tokens_.ensure(kMaxBlockTokens)) return false;
        flush();
        tokens_.end_interval();
        return true;
    }

  private:
    Tokens& tokens_;
    TableIndex table_;
    unsigned bands_ = 0;
    unsigned bit_count_ = 0;
    std::array<uint64_t, 16> words_{};  // each filled from the low end
};

/// Codes the coefficients at `positions`, each with the run of zeros since `before`. The position
/// of the last, or -1 where one is too large.
inline int add_coefficients(Tokens& tokens, TableIndex table, const int16_t* block,
                            uint64_t positions, int before, int shift) {
    int last = before;
    while (positions != 0) {
        const int k = __builtin_clzll(positions);
        positions &= ~descending_bit(k);
        int run = k - last - 1;
        last = k;
        for (; run > 15; run -= 16) tokens.add(table, kZeroRun, 0, 0);
        const int value = block[k];
        const unsigned magnitude = static_cast<unsigned>(std::abs(value)) >> shift;
        const unsigned bits = bit_length(magnitude);
        if (bits > kMaxAcBits) return -1;
        // The bits of a negative value are those of its magnitude, inverted.
        const unsigned inverted = static_cast<unsigned>(value >> 31);
        tokens.add(table, static_cast<unsigned>(run) << 4 | bits, bits,
                   (magnitude ^ inverted) & ((1u << bits) - 1));
    }
    return last;
}

bool ac_first(const Band& band, Tokens& tokens) {
    BandRun run(tokens, band.table);
    const uint64_t positions = reverse_bits(zigzag_band(band.first, band.last));
    for (size_t row = 0; row < band.grid.rows; ++row) {
        if (band.grid.restarts_before(row) && !run.end_interval()) return false;
        for (size_t column = 0; column < band.grid.columns; ++column) {
            if (!tokens.ensure(kMaxBlockTokens)) return false;
            const size_t index = row * band.plane.stride + column;
            const int16_t* block = band.plane.ac + index * 64;
            const uint64_t coded = coded_positions(
                block, reverse_bits(band.plane.nonzero[index]) & positions, band.shift);
            if (coded == 0) {
                run.add(0, 0);
                continue;
            }
            run.flush();
            const int last =
                add_coefficients(tokens, band.table, block, coded, band.first - 1, band.shift);
            if (last < 0) return false;
            if (last < band.last) run.add(0, 0);
        }
    }
    run.flush();
    return true;
}

/// Codes a coefficient that is new, with the correction bits of those before it.
inline void add_new(Tokens& tokens, TableIndex table, unsigned zeros, bool negative, unsigned count,
                    uint64_t corrections) {
    const unsigned sign = negative ? 0 : 1;
    if (count < 16) {
        tokens.add(table, zeros << 4 | 1, count + 1,
                   sign << count | static_cast<unsigned>(corrections));
    } else {
        tokens.add(table, zeros << 4 | 1, 1, sign);
        tokens.add_bits(count, corrections);
    }
}

/// Codes the new coefficient at `position` after more than 15 zeros at `gap`. Runs of 16 zeros are
/// coded as soon as a nonzero coefficient follows, together with the correction bits so far.
inline void add_new_after_zeros(Tokens& tokens, TableIndex table, const BitPlane& plane,
                                uint64_t gap, uint64_t position) {
    unsigned zeros = 0;
    uint64_t corrected = 0;
    for (uint64_t met = (gap & plane.old) | position; met != 0;) {
        const uint64_t next = descending_bit(__builtin_clzll(met));
        const uint64_t before = gap & ~(next | (next - 1));
        zeros += count_of(before & ~plane.old);
        gap &= next - 1;
        met &= ~next;
        for (; zeros > 15; zeros -= 16) {
            tokens.add(table, kZeroRun, 0, 0);
            tokens.add_bits(count_of(corrected), extract(plane.bit, corrected));
            corrected = 0;
        }
        if (next != position) corrected |= next;
    }
    add_new(tokens, table, zeros, (plane.negative & position) != 0, count_of(corrected),
            extract(plane.bit, corrected));
}

bool ac_refine(const Band& band, Tokens& tokens) {
    BandRun run(tokens, band.table);
    const uint64_t positions = reverse_bits(zigzag_band(band.first, band.last));
    for (size_t row = 0; row < band.grid.rows; ++row) {
        if (band.grid.restarts_before(row) && !run.end_interval()) return false;
        for (size_t column = 0; column < band.grid.columns; ++column) {
            if (!tokens.ensure(kMaxBlockTokens)) return false;
            const size_t index = row * band.plane.stride + column;
            const uint64_t nonzero = reverse_bits(band.plane.nonzero[index]) & positions;
            if (nonzero == 0) {
                run.add(0, 0);
                continue;
            }
            const BitPlane plane = bit_plane(band.plane.ac + index * 64, nonzero, band.shift);
            uint64_t left = positions;
            uint64_t fresh = plane.coded & ~plane.old;
            if (fresh != 0) run.flush();
            while (fresh != 0) {
                const uint64_t position = descending_bit(__builtin_clzll(fresh));
                const uint64_t gap = left & ~(position | (position - 1));
                const uint64_t corrected = gap & plane.old;
                const unsigned zeros = count_of(gap) - count_of(corrected);
                if (__builtin_expect(zeros > 15, 0)) {
                    add_new_after_zeros(tokens, band.table, plane, gap, position);
                } else {
                    add_new(tokens, band.table, zeros, (plane.negative & position) != 0,
                            count_of(corrected), extract(plane.bit, corrected));
                }
                left &= position - 1;
                fresh &= ~position;
            }
            if (left != 0) {
                run.add(count_of(plane.old & left), extract(plane.bit, plane.old & left));
            }
        }
    }
    run.flush();
    return true;
}

bool sequential_block(const int16_t* block, uint64_t nonzero, TableIndex table, Tokens& tokens) {
    const int last = add_coefficients(tokens, table, block, reverse_bits(nonzero), 0, 0);
    if (last >= 0 && last < 63) tokens.add(table, 0, 0, 0);  // EOB
    return last >= 0;
}

const TokenKernels kKernels = {ac_first, ac_refine, sequential_block};
