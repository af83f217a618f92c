// Refuses sources that libjpeg would rewrite without a word, although decoders show them otherwise
// than the result, or not at all.
#pragma once

#include "jpeg/outline.hpp"

namespace pcr {

/// Throws FormatError where a component's samples are not a whole number of pixels wide or high:
/// libjpeg copies such coefficients, but neither it nor anything built on it decodes them.
void check_sampling(const Outline& outline);

/// Throws FormatError where scans are missing: where a component was never sent, where bits that a
/// scan left for later ones never came, or where a component has none of the bits of a coefficient
/// that libjpeg would guess (block smoothing). The rewritten JPEG sends all of them, as zeros, so
/// decoders would no longer guess and show other pixels. Coefficients of higher frequencies may be
/// left out: then they are zeros, and an encoder is free to do so (libjpeg, jcmaster.c,
/// validate_script).
void check_complete(const Outline& outline);

}  // namespace pcr
