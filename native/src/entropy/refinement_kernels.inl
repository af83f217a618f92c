// AC refinement scans; included by scan_kernels.inl. See ITU-T T.81, G.1.2.3.
//
// A code says how many zeros it passes, and as many correction bits follow it as it passes nonzero
// coefficients. Where the zeros of a block lie is listed before its codes are read: how far a code
// reaches is then a lookup, without a branch on what the code says. Bits are read lowest first, as
// lists and sets of coefficients have them.

/// Bits that are ready before a code is looked up.
constexpr unsigned kReadyBits = kLookupBits;

/// Blocks that are read before any is corrected.
constexpr unsigned kBlocksAtOnce = 32;

/// What is the same for all blocks of a scan.
struct Refinement {
    const RefinementTable& table;
    unsigned first;
    unsigned last;
    std::array<int16_t, 2> steps;  // what a new coefficient's sign bit stands for
};

/// The places of a band's zeros, in order. After the last come eight that no code can reach.
struct ZeroList {
    std::array<uint8_t, 72> places;
    unsigned count;

    const uint8_t* end() const { return places.data() + count; }
};

struct RefinedBlock {
    ZeroList zeros;
    uint64_t nonzeros;     // those of the band before the scan
    uint64_t corrections;  // a bit for each of them: whether it grows by one step
};

/// How far the band of one block is read.
struct BandProgress {
    const uint8_t* zeros;          // those that are left
    unsigned place;                // of the last coefficient that was passed
    unsigned num_corrections = 0;  // bits that were read
    uint64_t corrections = 0;
    uint64_t fresh = 0;        // coefficients that became nonzero
    int64_t bands_to_end = 0;  // by an EOB, this one included; below zero: the data is irregular

    void append(uint64_t bits, unsigned n) {
        corrections |= bits << (num_corrections & 63);
        num_corrections += n;
    }
};

inline uint64_t low_bits(uint64_t bits, unsigned n) {
#if defined(PCR_AVX2)
    return _bzhi_u64(bits, n);
#else
    return bits & ~(~uint64_t{0} << (n & 63));
#endif
}

inline void list_zeros(uint64_t zeros, ZeroList& list) {
    unsigned count = 0;
    for (unsigned first = 0; first < 64; first += 8) {
        const uint64_t byte = zeros >> first & 0xFF;
        const uint64_t places = kSetBits.places[byte] + 0x0101010101010101 * first;
        store_little_endian(places, &list.places[count]);
        count += static_cast<unsigned>(__builtin_popcountll(byte));
    }
    std::memset(&list.places[count], 0xFF, 8);
    list.count = count;
}

/// At most 63 bits. Leaves at least kReadyBits.
inline uint64_t read_corrections(ReversedBitReader& reader, unsigned n) {
    if (__builtin_expect(n + kReadyBits <= reader.count(), 1)) {
        const uint64_t bits = low_bits(reader.window(), n);
        reader.skip(n);
        return bits;
    }
    reader.refill();
    const unsigned ready = std::min(n, 24u);
    const uint64_t bits = low_bits(reader.window(), ready);
    reader.skip(ready);
    reader.refill();
    const uint64_t rest = low_bits(reader.window(), n - ready);
    reader.skip(n - ready);
    reader.refill();
    return bits | rest << ready;
}

/// Reads a short code and what belongs to it, if that is ready. Returns whether another code of the
/// band may follow; false too where the next one must be read otherwise.
template <bool kRefill>
[[gnu::always_inline]] inline bool read_short_code(ReversedBitReader& reader,
                                                   const Refinement& scan, int16_t* block,
                                                   BandProgress& band) {
    const RefinementCode code = scan.table.lookup(reader.window());
    if (kRefill) reader.refill();
    const unsigned place = load_little_endian(band.zeros) >> code.place_shift() & 0xFF;
    if (__builtin_expect(!code.is_short(), 0)) return false;
    const uint64_t after_code = reader.window() >> code.code_bits();
    const unsigned used = place + (code.bits_beyond_zeros() - band.place);
    const unsigned passed = place - (band.place + code.zeros());  // nonzero coefficients
    // A place after the last zero is farther than any window reaches.
    if (__builtin_expect(used + kReadyBits > reader.count(), 0)) return false;
    reader.skip(used);
    band.zeros += code.zeros();
    band.place = place;
    band.fresh |= uint64_t{1} << (place & 63);
    block[place] = scan.steps[after_code & 1];
    band.append(low_bits(after_code >> 1, passed), passed);
    return place < scan.last;
}

/// Reads short codes, as many as follow each other.
inline void read_short_codes(ReversedBitReader& reader, const Refinement& scan, int16_t* block,
                             BandProgress& band) {
    ReversedBitReader local_reader = reader;  // copies, which stay in registers
    BandProgress local_band = band;
    while (read_short_code<true>(local_reader, scan, block, local_band) &&
           read_short_code<false>(local_reader, scan, block, local_band)) {
    }
    reader = local_reader;
    band = local_band;
}

/// Reads a code of any kind and what belongs to it. Returns whether another one may follow.
inline bool read_any_code(ReversedBitReader& reader, const Refinement& scan, int16_t* block,
                          const RefinedBlock& refined, BandProgress& band) {
    reader.refill();
    RefinementCode code = scan.table.lookup(reader.window());
    if (code.is_short() || code.code_bits() == 0) code = scan.table.find(reader.window());
    reader.skip(code.code_bits());
    if (code.is_end_of_band()) {
        const uint64_t appended = reverse_bits(reader.window());
        band.bands_to_end = (int64_t{1} << code.size()) +
                            static_cast<int64_t>((appended >> 1) >> (63 - code.size()));
        reader.skip(code.size());
        const auto nonzeros = static_cast<unsigned>(__builtin_popcountll(refined.nonzeros));
        const unsigned rest = nonzeros - band.num_corrections;
        band.append(read_corrections(reader, rest), rest);
        return false;
    }
    if (code.code_bits() == 0 || code.zeros() > refined.zeros.end() - band.zeros) {
        band.bands_to_end = -1;
        return false;
    }
    const unsigned place = band.zeros[code.zeros() - 1];
    if (code.size() != 0) {
        band.fresh |= uint64_t{1} << place;
        block[place] = scan.steps[reader.window() & 1];
        reader.skip(1);
    }
    const unsigned passed = place - (band.place + code.zeros());
    band.append(read_corrections(reader, passed), passed);
    band.zeros += code.zeros();
    band.place = place;
    return place < scan.last;
}

/// Reads one block. Returns the bands that an EOB ends, this one included (0: there was no EOB),
/// or -1 where the data is irregular.
inline int64_t refine_block(ReversedBitReader& reader, const Refinement& scan, int16_t* block,
                            uint64_t& nonzero, RefinedBlock& refined) {
    BandProgress band{refined.zeros.places.data(), scan.first - 1};
    do {
        read_short_codes(reader, scan, block, band);
    } while (band.place < scan.last && read_any_code(reader, scan, block, refined, band));
    nonzero |= band.fresh;
    refined.corrections = band.corrections;
    return band.bands_to_end;
}

#if defined(PCR_AVX2)
/// Corrects the first 32 of the coefficients; `corrections` are the bits of those that are nonzero.
inline void correct_lanes(uint64_t corrections, uint32_t nonzeros, __m256i steps, int16_t* block) {
    const std::array<uint32_t, 4> bytes = {nonzeros & 0xFF, nonzeros >> 8 & 0xFF,
                                           nonzeros >> 16 & 0xFF, nonzeros >> 24};
    const std::array<int, 4> ranks = {0, __builtin_popcount(bytes[0]),
                                      __builtin_popcount(nonzeros & 0xFFFF),
                                      __builtin_popcount(nonzeros & 0xFFFFFF)};
    uint32_t bits = 0;  // a byte for each byte of `nonzeros`
    for (int i = 0; i < 4; ++i) bits |= (corrections >> ranks[i] & 0xFF) << (8 * i);
    const __m256i lane_bits =
        _mm256_setr_epi64x(kSetBits.ranks[bytes[0]], kSetBits.ranks[bytes[1]],
                           kSetBits.ranks[bytes[2]], kSetBits.ranks[bytes[3]]);
    const __m256i spread =
        _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
    const __m256i lanes = _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)), spread);
    const __m256i kept =
        _mm256_cmpeq_epi8(_mm256_and_si256(lanes, lane_bits), _mm256_setzero_si256());
    for (int half = 0; half < 2; ++half) {
        auto* values = reinterpret_cast<__m256i*>(block) + half;
        const __m256i old = _mm256_load_si256(values);
        const __m256i kept_values = _mm256_cvtepi8_epi16(
            half == 0 ? _mm256_castsi256_si128(kept) : _mm256_extracti128_si256(kept, 1));
        const __m256i delta = _mm256_andnot_si256(kept_values, _mm256_sign_epi16(steps, old));
        _mm256_store_si256(values, _mm256_add_epi16(old, delta));
    }
}
#endif

/// Adds a step, away from zero, to the nonzero coefficients whose bit is set.
inline void apply_corrections(const RefinedBlock& refined, int step, int16_t* block) {
    uint64_t corrections = refined.corrections;
#if defined(PCR_AVX2)
    const __m256i steps = _mm256_set1_epi16(static_cast<int16_t>(step));
    const auto low = static_cast<uint32_t>(refined.nonzeros);
    correct_lanes(corrections, low, steps, block);
    corrections >>= __builtin_popcount(low);
    if (corrections == 0) return;
    correct_lanes(corrections, static_cast<uint32_t>(refined.nonzeros >> 32), steps, block + 32);
#else
    for (uint64_t set = refined.nonzeros; corrections != 0; set &= set - 1, corrections >>= 1) {
        const int k = __builtin_ctzll(set);
        const int delta = block[k] < 0 ? -step : step;
        block[k] = static_cast<int16_t>(block[k] + (delta & -static_cast<int>(corrections & 1)));
    }
#endif
}

/// Refines blocks that lie side by side. An EOB before them ends the bands of the first
/// `ended_bands` of them.
inline SegmentEnd refine_blocks(ReversedBitReader& reader, const Refinement& scan, unsigned count,
                                int16_t* blocks, uint64_t* nonzero, int64_t& ended_bands) {
    RefinedBlock refined[kBlocksAtOnce];
    const uint64_t band = zigzag_band(static_cast<int>(scan.first), static_cast<int>(scan.last));
    for (unsigned i = 0; i < count; ++i) {
        if (nonzero[i] == 0) clear_block(blocks + i * 64);
        refined[i].nonzeros = nonzero[i] & band;
        if (i >= ended_bands) list_zeros(band & ~nonzero[i], refined[i].zeros);
    }
    unsigned n = 0;
    while (n < count && !reader.exhausted()) {
        if (ended_bands == 0) {
            ended_bands = refine_block(reader, scan, blocks + n * 64, nonzero[n], refined[n]);
            if (ended_bands < 0) return SegmentEnd::kIrregular;
            ended_bands -= ended_bands > 0 ? 1 : 0;
        } else {
            const auto nonzeros = static_cast<unsigned>(__builtin_popcountll(refined[n].nonzeros));
            refined[n].corrections = read_corrections(reader, nonzeros);
            --ended_bands;
        }
        ++n;
    }
    for (unsigned i = 0; i < n; ++i) {
        if (refined[i].corrections != 0) {
            apply_corrections(refined[i], scan.steps[1], blocks + i * 64);
        }
    }
    return reader.exhausted() ? SegmentEnd::kExhausted : SegmentEnd::kComplete;
}

SegmentEnd decode_ac_refine(BitReader& input, const BandScan& scan, uint64_t first,
                            uint64_t count) {
    const auto step = static_cast<int16_t>(1 << scan.shift);
    const Refinement refinement{*scan.refinement,
                                static_cast<unsigned>(scan.first),
                                static_cast<unsigned>(scan.last),
                                {static_cast<int16_t>(-step), step}};
    ReversedBitReader reader(input);
    reader.refill();
    int64_t ended_bands = 0;
    uint64_t row = first / scan.width_in_blocks;
    uint64_t column = first % scan.width_in_blocks;
    SegmentEnd end = SegmentEnd::kComplete;
    while (count > 0 && end == SegmentEnd::kComplete) {
        const auto n = static_cast<unsigned>(
            std::min<uint64_t>({count, scan.width_in_blocks - column, kBlocksAtOnce}));
        const size_t block = row * scan.plane.stride + column;
        end = refine_blocks(reader, refinement, n, scan.plane.ac + block * 64,
                            scan.plane.nonzero + block, ended_bands);
        count -= n;
        column += n;
        if (column == scan.width_in_blocks) {
            column = 0;
            ++row;
        }
    }
    reader.store(input);
    return end;
}
