// Random numbers that depend on a key and a place alone, whatever else was drawn before.
#pragma once

#include <cmath>
#include <cstdint>

namespace pcr {

constexpr uint64_t kGoldenGamma = 0x9E3779B97F4A7C15;

/// The finalizer of SplitMix64 (doi 10.1145/2660193.2660195).
inline uint64_t mix_bits(uint64_t value) {
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
}

/// The key of an image in an epoch.
inline uint64_t image_key(uint64_t epoch_key, uint64_t image) {
    return mix_bits(image * kGoldenGamma + epoch_key);
}

/// SplitMix64's numbers from a key, in one of many streams.
class Uniforms {
  public:
    Uniforms(uint64_t key, uint64_t stream) : state_(mix_bits(key + stream * kGoldenGamma)) {}

    /// In [0, 1). A double holds 53 bits.
    double operator[](uint64_t number) const {
        const uint64_t bits = mix_bits(state_ + (number + 1) * kGoldenGamma);
        return std::ldexp(static_cast<double>(bits >> 11), -53);
    }

  private:
    uint64_t state_;
};

}  // namespace pcr
