// Dequantised rows of four blocks; included by idct_vectors.inl.

/// Brings four blocks from zigzag to natural order, and row by row into the lanes of vectors.
class RowLoader {
  public:
    explicit RowLoader(const QuantTable& quant)
        : quant_{load_vector(&quant[0]), load_vector(&quant[32])} {
        alignas(64) uint16_t zigzag[64];
        for (uint16_t k = 0; k < 64; ++k) zigzag[kZigzagToNatural[k]] = k;
        order_[0] = load_vector(zigzag);
        order_[1] = load_vector(zigzag + 32);
    }

    void load(const BlockLanes& blocks, Vector rows[8]) const {
        Vector halves[2][kLanes];
        for (uint32_t i = 0; i < kLanes; ++i) {
            const Vector dc = _mm512_set1_epi16(blocks.dc[i]);
            const Vector first = _mm512_mullo_epi16(
                _mm512_mask_mov_epi16(load_vector(blocks.ac[i]), 1, dc), quant_[0]);
            const Vector second = _mm512_mullo_epi16(load_vector(blocks.ac[i] + 32), quant_[1]);
            halves[0][i] = _mm512_permutex2var_epi16(first, order_[0], second);
            halves[1][i] = _mm512_permutex2var_epi16(first, order_[1], second);
        }
        gather_lanes(halves[0], rows);
        gather_lanes(halves[1], rows + 4);
    }

  private:
    /// Four vectors of four lanes, transposed.
    static void gather_lanes(const Vector blocks[4], Vector rows[4]) {
        const Vector a = _mm512_shuffle_i32x4(blocks[0], blocks[1], 0x44);
        const Vector b = _mm512_shuffle_i32x4(blocks[2], blocks[3], 0x44);
        const Vector c = _mm512_shuffle_i32x4(blocks[0], blocks[1], 0xEE);
        const Vector d = _mm512_shuffle_i32x4(blocks[2], blocks[3], 0xEE);
        rows[0] = _mm512_shuffle_i32x4(a, b, 0x88);
        rows[1] = _mm512_shuffle_i32x4(a, b, 0xDD);
        rows[2] = _mm512_shuffle_i32x4(c, d, 0x88);
        rows[3] = _mm512_shuffle_i32x4(c, d, 0xDD);
    }

    Vector quant_[2];  // zigzag
    Vector order_[2];  // zigzag index of each coefficient in natural order
};
