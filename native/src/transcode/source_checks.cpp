#include "transcode/source_checks.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "jpeg/frame.hpp"
#include "pcr/error.hpp"

namespace pcr {
namespace {

/// libjpeg-turbo guesses coefficients 1 … 9, in zigzag order, where any of them is incomplete
/// (jdcoefct.c, smoothing_ok; before version 2.1 only 1 … 5).
constexpr int kGuessedCoefficients = 9;

/// The lowest bit of each coefficient that was sent: 0 where all were.
class SentBits {
  public:
    static constexpr int8_t kNone = -1;
    using Bits = std::array<int8_t, 64>;

    explicit SentBits(const Outline& outline)
        : frame_(outline.frame.payload), progressive_(outline.header.progressive) {
        for (Bits& bits : sent_) bits.fill(kNone);
        for (const Segment& scan : outline.scans) add_scan(scan.payload);
    }

    int num_components() const { return std::min<int>(frame_.data[5], kMaxComponents); }
    const Bits& component(int index) const { return sent_[index]; }

  private:
    /// Leaves a malformed segment to the coders, which refuse it.
    void add_scan(ByteSpan payload) {
        const uint8_t* p = payload.data;
        if (payload.size < 1 || payload.size != 4 + size_t{2} * p[0]) return;
        const uint8_t* spectrum = p + payload.size - 3;
        const int first = progressive_ ? spectrum[0] : 0;
        const int last = progressive_ ? std::min<int>(spectrum[1], 63) : 63;
        const auto low = static_cast<int8_t>(progressive_ ? spectrum[2] & 15 : 0);
        std::array<bool, kMaxComponents> taken{};
        for (int i = 0; i < p[0]; ++i) {
            const int index = find_component(p[1 + 2 * i], taken);
            if (index == num_components()) return;
            taken[index] = true;
            for (int k = first; k <= last; ++k) sent_[index][k] = low;
        }
    }

    /// As libjpeg finds it, also where an identifier comes twice.
    int find_component(uint8_t id, const std::array<bool, kMaxComponents>& taken) const {
        int index = 0;
        while (index < num_components() && (taken[index] || frame_.data[6 + 3 * index] != id)) {
            ++index;
        }
        return index;
    }

    ByteSpan frame_;
    bool progressive_;
    std::array<Bits, kMaxComponents> sent_;
};

bool is_incomplete(const SentBits::Bits& sent, int k) {
    return sent[k] == SentBits::kNone ? k <= kGuessedCoefficients : sent[k] > 0;
}

std::string describe_missing(const SentBits::Bits& sent, int first) {
    int last = first;
    while (last < 63 && sent[last + 1] == sent[first]) ++last;
    const std::string bits = sent[first] == SentBits::kNone ? "all bits"
                             : sent[first] == 1             ? "1 bit"
                                                            : std::to_string(sent[first]) + " bits";
    const std::string from = std::to_string(first);
    return bits + (first == last ? " of coefficient " + from
                                 : " of coefficients " + from + " to " + std::to_string(last));
}

}  // namespace

void check_sampling(const Outline& outline) {
    const ByteSpan frame = outline.frame.payload;
    int max_h = 1;
    int max_v = 1;
    for (size_t i = 7; i < frame.size; i += 3) {
        max_h = std::max(max_h, frame.data[i] >> 4);
        max_v = std::max(max_v, frame.data[i] & 15);
    }
    for (size_t i = 7; i < frame.size; i += 3) {
        const int h = frame.data[i] >> 4;
        const int v = frame.data[i] & 15;
        if (h == 0 || v == 0) continue;  // the coders refuse it
        if (max_h % h == 0 && max_v % v == 0) continue;
        throw FormatError("fractional sampling: expected factors that divide " +
                          std::to_string(max_h) + " x " + std::to_string(max_v) + ", found " +
                          std::to_string(h) + " x " + std::to_string(v) +
                          ", which decoders can't show");
    }
}

void check_complete(const Outline& outline) {
    const SentBits sent(outline);
    for (int c = 0; c < sent.num_components(); ++c) {
        const SentBits::Bits& bits = sent.component(c);
        const std::string component = "scans are missing: component " + std::to_string(c + 1);
        if (bits[0] == SentBits::kNone) throw FormatError(component + " was never sent");
        for (int k = 0; k < 64; ++k) {
            if (is_incomplete(bits, k)) {
                throw FormatError(component + " lacks " + describe_missing(bits, k));
            }
        }
    }
}

}  // namespace pcr
