// Turns coefficients into the tokens of one scan (ITU-T T.81, F.1.2 and G.1.2), exactly as libjpeg
// codes them.
#pragma once

#include "encode/scan_grid.hpp"
#include "encode/tokens.hpp"
#include "entropy/coefficient_store.hpp"
#include "jpeg/frame.hpp"
#include "pcr/scan_script.hpp"

namespace pcr {

/// The one scan of a sequential JPEG: all components, all coefficients.
ScanSpec sequential_scan(const Frame& frame);

/// Replaces `tokens` by those of a scan of a progression, or of the `sequential_scan`, whose MCUs
/// are the `grid`'s. False where a coefficient is too large for 8-bit samples, or the tokens for
/// their limit.
bool tokenize_scan(const Frame& frame, const CoefficientStore& coefficients, const ScanSpec& scan,
                   const ScanGrid& grid, Tokens& tokens);

}  // namespace pcr
