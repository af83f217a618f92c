// Reads bits from entropy-coded data whose byte stuffing is already removed.
#pragma once

#include <cstddef>
#include <cstdint>

#include "memory/little_endian.hpp"

namespace pcr {

/// Zero bytes that must follow the data: one MCU may read past its end (10 blocks of 64 codes of at
/// most 31 bits) before `exhausted` is asked.
inline constexpr size_t kBitPadding = 4096;

/// Where the first bit of a byte lies.
enum class BitOrder {
    kHighestFirst,  // as in files
    kLowestFirst    // reversed, for refinement scans
};

/// Reads bytes of which the highest bit comes first.
class BitReader {
  public:
    BitReader() = default;
    BitReader(const uint8_t* data, size_t size) : next_(data), end_(data + size) {}

    /// At least 56 bits are ready afterwards.
    void refill() {
        window_ |= __builtin_bswap64(load_little_endian(next_)) >> count_;
        next_ += (63 - count_) >> 3;
        count_ |= 56;
    }

    uint64_t window() const { return window_; }  // next bit on top
    unsigned count() const { return count_; }

    /// The next n bits, 0 <= n <= 56, all of them ready.
    uint64_t peek(unsigned n) const { return (window_ >> 1) >> (63 - n); }

    void skip(unsigned n) {
        window_ <<= n;
        count_ -= n;
    }

    /// Bits of the data that are still unread; below zero where zero padding was used too.
    ptrdiff_t unread_bits() const { return (end_ - next_) * 8 + static_cast<ptrdiff_t>(count_); }

    /// More bits were used than there were: the rest was the zero padding.
    bool exhausted() const { return unread_bits() < 0; }

  private:
    friend class ReversedBitReader;

    uint64_t window_ = 0;
    unsigned count_ = 0;
    const uint8_t* next_ = nullptr;
    const uint8_t* end_ = nullptr;
};

/// Reads bytes of which the lowest bit comes first.
class ReversedBitReader {
  public:
    /// From where `other` stands, which has read nothing yet or was stored by `store`.
    explicit ReversedBitReader(const BitReader& other) : reader_(other) {}

    void store(BitReader& other) const { other = reader_; }

    /// At least 56 bits are ready afterwards.
    void refill() {
        reader_.window_ |= load_little_endian(reader_.next_) << reader_.count_;
        reader_.next_ += (63 - reader_.count_) >> 3;
        reader_.count_ |= 56;
    }

    uint64_t window() const { return reader_.window_; }  // next bit lowest
    unsigned count() const { return reader_.count_; }

    void skip(unsigned n) {
        reader_.window_ >>= n;
        reader_.count_ -= n;
    }

    bool exhausted() const { return reader_.exhausted(); }

  private:
    BitReader reader_;
};

}  // namespace pcr
