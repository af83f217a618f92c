#include "encode/jpeg_writer.hpp"

#include <algorithm>

#include "jpeg/markers.hpp"
#include "memory/little_endian.hpp"

namespace pcr {
namespace {

bool needs_16_bits(const QuantTable& table) {
    return std::any_of(table.begin(), table.end(), [](uint16_t step) { return step > 255; });
}

bool is_chroma(ColorSpace color, int component) {
    return (color == ColorSpace::kYCbCr || color == ColorSpace::kYCCK) &&
           (component == 1 || component == 2);
}

bool has_ff(uint64_t word) {
    return ((~word - 0x0101010101010101u) & word & 0x8080808080808080u) != 0;
}

/// Bits of all symbols' codes.
uint64_t code_bits(const Tokens& tokens, const CodeTable& codes) {
    uint64_t bits = 0;
    for (const TableIndex table : {kDc0, kDc1, kAc0, kAc1}) {
        const SymbolCounts& counts = tokens.counts(table);
        for (size_t symbol = 0; symbol < counts.size(); ++symbol) {
            bits += uint64_t{counts[symbol]} * (codes[table * 256u + symbol] & 31);
        }
    }
    return bits;
}

/// Bytes of an entropy-coded segment; each 0xFF is followed by a stuffed zero.
class BitSink {
  public:
    explicit BitSink(uint8_t* out) : out_(out) {}

    /// count <= 32; `bits` has no others set.
    void put(uint64_t bits, unsigned count) {
        if (__builtin_expect(count < free_, 1)) {
            pending_ = pending_ << count | bits;
            free_ -= count;
            return;
        }
        const unsigned rest = count - free_;
        put_word(pending_ << free_ | bits >> rest);
        pending_ = bits;  // what was written of them is shifted out before the next word is full
        free_ = 64 - rest;
    }

    void put(const Token* token, const Token* end, const CodeTable& codes) {
        for (; token != end; ++token) {
            const uint32_t code = codes[token->coded_symbol()];
            const unsigned length = code & 31;
            put(uint64_t{code >> 8} << token->bit_count() | token->bits(),
                length + token->bit_count());
        }
    }

    void put_marker(uint8_t marker) {
        finish();
        *out_++ = 0xFF;
        *out_++ = marker;
    }

    /// Pads with ones to a whole byte; the end of what was written.
    uint8_t* finish() {
        const unsigned padding = free_ % 8;
        put((1u << padding) - 1, padding);
        for (unsigned count = 64 - free_; count > 0;) {
            count -= 8;
            put_byte(static_cast<uint8_t>(pending_ >> count));
        }
        free_ = 64;
        return out_;
    }

  private:
    void put_word(uint64_t word) {
        if (__builtin_expect(has_ff(word), 0)) {
            for (int shift = 56; shift >= 0; shift -= 8) {
                put_byte(static_cast<uint8_t>(word >> shift));
            }
            return;
        }
        store_little_endian(__builtin_bswap64(word), out_);  // the first bits in the first byte
        out_ += sizeof word;
    }

    void put_byte(uint8_t byte) {
        *out_++ = byte;
        if (byte == 0xFF) *out_++ = 0;
    }

    uint8_t* out_;
    uint64_t pending_ = 0;
    unsigned free_ = 64;  // how many bits more `pending_` takes, at least one
};

}  // namespace

int table_of(ColorSpace color, int component) { return is_chroma(color, component) ? 1 : 0; }

bool writes_jfif(const Frame& frame) {
    return frame.color == ColorSpace::kGrayscale || frame.color == ColorSpace::kYCbCr;
}

bool writes_adobe(const Frame& frame) {
    return !writes_jfif(frame) && frame.color != ColorSpace::kUnknown && frame.adobe_transform >= 0;
}

void JpegWriter::marker(uint8_t marker) {
    put(0xFF);
    put(marker);
}

void JpegWriter::open(uint8_t code, size_t payload_size) {
    marker(code);
    put_u16(static_cast<uint32_t>(payload_size + 2));
}

void JpegWriter::segment(uint8_t marker, ByteSpan payload) {
    open(marker, payload.size);
    bytes_.insert(bytes_.end(), payload.data, payload.data + payload.size);
}

void JpegWriter::jfif(const Frame& frame) {
    const Jfif jfif = frame.jfif.value_or(Jfif{});
    open(kAPP0, 14);
    for (const char c : {'J', 'F', 'I', 'F', '\0'}) put(static_cast<uint8_t>(c));
    put(jfif.major_version);
    put(jfif.minor_version);
    put(jfif.density_unit);
    put_u16(jfif.x_density);
    put_u16(jfif.y_density);
    put_u16(0);  // no thumbnail
}

void JpegWriter::adobe(const Frame& frame) {
    open(kAPP14, 12);
    for (const char c : {'A', 'd', 'o', 'b', 'e'}) put(static_cast<uint8_t>(c));
    put_u16(100);  // version
    put_u16(0);    // flags
    put_u16(0);
    put(frame.color == ColorSpace::kYCCK ? 2 : 0);
}

void JpegWriter::quantisation(const Frame& frame) {
    std::array<bool, kMaxComponents> written{};
    for (int i = 0; i < frame.num_components; ++i) {
        const Component& component = frame.components[i];
        if (written[component.quant_index]) continue;
        written[component.quant_index] = true;
        const bool wide = needs_16_bits(component.quant);
        open(kDQT, wide ? 129 : 65);
        put((wide ? 0x10u : 0u) | component.quant_index);
        for (const uint16_t step : component.quant) wide ? put_u16(step) : put(step);
    }
}

void JpegWriter::frame(const Frame& frame, bool progressive) {
    const auto* end = frame.components.data() + frame.num_components;
    const bool wide = std::any_of(frame.components.data(), end, [](const Component& component) {
        return needs_16_bits(component.quant);
    });
    open(progressive ? kSOF2 : wide ? kSOF1 : kSOF0, 6 + 3 * size_t(frame.num_components));
    put(8);  // bits per sample
    put_u16(frame.height);
    put_u16(frame.width);
    put(static_cast<uint32_t>(frame.num_components));
    for (const auto* component = frame.components.data(); component != end; ++component) {
        put(component->id);
        put(static_cast<uint32_t>(component->h << 4 | component->v));
        put(component->quant_index);
    }
}

void JpegWriter::huffman(TableIndex table, const HuffmanCode& code) {
    open(kDHT, 17 + code.symbols.size());
    put((table >= kAc0 ? 0x10u : 0u) | (table & 1u));
    bytes_.insert(bytes_.end(), code.counts.begin() + 1, code.counts.end());
    bytes_.insert(bytes_.end(), code.symbols.begin(), code.symbols.end());
}

void JpegWriter::restart_interval(uint32_t mcus) {
    open(kDRI, 2);
    put_u16(mcus);
}

void JpegWriter::scan(const Frame& frame, const ScanSpec& scan) {
    open(kSOS, 4 + 2 * static_cast<size_t>(scan.count));
    put(static_cast<uint32_t>(scan.count));
    for (int i = 0; i < scan.count; ++i) {
        const int component = scan.components[i];
        const auto table = static_cast<uint32_t>(table_of(frame.color, component));
        const bool codes_dc = scan.first == 0 && scan.high == 0;
        put(frame.components[component].id);
        put((codes_dc ? table << 4 : 0) | (scan.last > 0 ? table : 0));
    }
    put(static_cast<uint32_t>(scan.first));
    put(static_cast<uint32_t>(scan.last));
    put(static_cast<uint32_t>(scan.high << 4 | scan.low));
}

void JpegWriter::entropy(const Tokens& tokens, const CodeTable& codes) {
    const uint64_t bits = tokens.appended_bits() + code_bits(tokens, codes);
    const size_t before = bytes_.size();
    constexpr size_t kMaxEndBytes = 4;  // of a padded byte and a marker
    const auto& ends = tokens.interval_ends();
    bytes_.resize(before + bits / 8 * 2 + 16 + ends.size() * kMaxEndBytes);  // as if all were 0xFF
    BitSink sink(bytes_.data() + before);
    const Token* token = tokens.begin();
    for (size_t i = 0; i < ends.size(); ++i) {
        const Token* end = tokens.begin() + ends[i];
        sink.put(token, end, codes);
        sink.put_marker(static_cast<uint8_t>(kRST0 + i % 8));
        token = end;
    }
    sink.put(token, tokens.end(), codes);
    bytes_.resize(static_cast<size_t>(sink.finish() - bytes_.data()));
}

}  // namespace pcr
