#include "encode/token_kernels.hpp"

#include <array>
#include <cstdlib>

#include "entropy/reverse_bits.hpp"
#include "simd/isa.hpp"

namespace pcr {
namespace {

constexpr unsigned kMaxAcBits = 10;       // of a coefficient of 8-bit samples
constexpr unsigned kZeroRun = 0xF0;       // ZRL: 16 zeros
constexpr unsigned kMaxBandRun = 0x7FFF;  // EOB14's greatest
// libjpeg codes a run of bands early when it holds more correction bits than this.
constexpr unsigned kMaxCorrectionBits = 1000 - 64 + 1;

}  // namespace

#define PCR_KERNELS "encode/token_kernels.inl"
#include "simd/kernel_variants.inl"

const TokenKernels& token_kernels() { return select_kernels(); }

}  // namespace pcr
