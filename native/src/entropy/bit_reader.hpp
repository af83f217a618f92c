// Reads bits, most significant first, from entropy-coded data whose byte stuffing is already
// removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pcr {

/// Zero bytes that must follow the data: one MCU may read past its end (10 blocks of 64 codes of at
/// most 31 bits) before `exhausted` is asked.
inline constexpr size_t kBitPadding = 4096;

class BitReader {
  public:
    BitReader() = default;
    BitReader(const uint8_t* data, size_t size) : next_(data), end_(data + size) {}

    /// At least 56 bits are ready afterwards.
    void refill() {
        uint64_t word;
        std::memcpy(&word, next_, sizeof word);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        window_ |= word >> count_;
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

    /// n bits, 0 <= n <= 64, refilling as needed.
    uint64_t take_long(unsigned n) {
        uint64_t high = 0;
        if (n > 32) {
            refill();
            high = peek(32);
            skip(32);
            n -= 32;
            high <<= n;
        }
        refill();
        const uint64_t low = peek(n);
        skip(n);
        return high | low;
    }

    /// Bits of the data that are still unread; below zero where zero padding was used too.
    ptrdiff_t unread_bits() const { return (end_ - next_) * 8 + static_cast<ptrdiff_t>(count_); }

    /// More bits were used than there were: the rest was the zero padding.
    bool exhausted() const { return unread_bits() < 0; }

  private:
    uint64_t window_ = 0;
    unsigned count_ = 0;
    const uint8_t* next_ = nullptr;
    const uint8_t* end_ = nullptr;
};

}  // namespace pcr
