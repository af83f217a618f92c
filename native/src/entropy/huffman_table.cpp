#include "entropy/huffman_table.hpp"

#include <algorithm>

namespace pcr {
namespace {

Code make_code(CodeKind kind, unsigned code_bits, unsigned symbol) {
    unsigned run = symbol >> 4;
    unsigned size = symbol & 15;
    unsigned value_bits = size;
    bool end_of_band = false;
    if (kind == CodeKind::kAcRefine && size != 0)
        value_bits = 1;  // only the new coefficient's sign
    if (kind != CodeKind::kDc && size == 0 && run != 15) {
        end_of_band = true;
        size = value_bits = kind == CodeKind::kAcSequential ? 0 : run;  // EOBn has n bits appended
        run = 0;
    }
    return {(code_bits + value_bits) | code_bits << 8 | size << 16 | run << 20 |
            static_cast<uint32_t>(end_of_band) << 31};
}

}  // namespace

bool HuffmanTable::build(const HuffmanSpec& spec, CodeKind kind) {
    kind_ = kind;
    counts_ = spec.counts;
    symbols_ = spec.symbols;
    lookup_.fill(Code{});
    uint32_t code = 0;
    uint32_t index = 0;
    for (unsigned length = 1; length <= 16; ++length) {
        first_code_[length] = code;
        first_index_[length] = index;
        for (unsigned i = 0; i < counts_[length]; ++i, ++code, ++index) {
            if (index >= 256) return false;
            if (kind == CodeKind::kDc && symbols_[index] > 15) return false;
            if (code + 1 >= (uint32_t{1} << length)) return false;  // all ones is not allowed
            if (length > kLookupBits) continue;
            const unsigned spread = kLookupBits - length;
            std::fill_n(lookup_.begin() + (code << spread), size_t{1} << spread,
                        make_code(kind, length, symbols_[index]));
        }
        code <<= 1;
    }
    return true;
}

Code HuffmanTable::search(uint64_t window) const {
    for (unsigned length = kLookupBits + 1; length <= 16; ++length) {
        const uint32_t offset =
            static_cast<uint32_t>(window >> (64 - length)) - first_code_[length];
        if (offset < counts_[length]) {
            return make_code(kind_, length, symbols_[first_index_[length] + offset]);
        }
    }
    return {};
}

}  // namespace pcr
