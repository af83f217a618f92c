// The inner loops of coding AC coefficients, exactly as libjpeg codes them (ITU-T T.81, F.1.2.2 and
// G.1.2).
#pragma once

#include "encode/scan_grid.hpp"
#include "encode/tokens.hpp"
#include "entropy/coefficient_store.hpp"
#include "jpeg/frame.hpp"

namespace pcr {

/// The spectral band of one component that an AC scan codes.
struct Band {
    CoefficientPlane plane;
    ScanGrid grid;
    TableIndex table = kAc0;
    int first = 1;  // Ss
    int last = 63;  // Se
    int shift = 0;  // Al
};

/// Room for the tokens of one block, with a run of bands and its correction bits before it.
inline constexpr size_t kMaxBlockTokens = 512;

/// All return false where a coefficient is too large for 8-bit samples, or there is no room for
/// more tokens.
struct TokenKernels {
    bool (*ac_first)(const Band&, Tokens&);
    bool (*ac_refine)(const Band&, Tokens&);
    /// One block of a sequential scan, for whose tokens there is room.
    bool (*sequential_block)(const int16_t* block, uint64_t nonzero, TableIndex, Tokens&);
};

/// The kernels for this processor.
const TokenKernels& token_kernels();

}  // namespace pcr
