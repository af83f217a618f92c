#include "entropy/coefficient_table.hpp"

#include "entropy/appended_value.hpp"

namespace pcr {
namespace {

CoefficientEntry make_entry(Code code, uint64_t window) {
    const unsigned bits = code.total_bits();
    if (bits == 0 || bits > kLookupBits) return {};
    if (code.is_end_of_band()) {
        return {code.size() == 0 ? bits | CoefficientEntry::kEndStep << 8 : 0};
    }
    const auto value = static_cast<uint32_t>(appended_value(window, code.code_bits(), code.size()));
    return {bits | (code.run() + 1) << 8 | value << 16};
}

}  // namespace

bool CoefficientTable::build(const HuffmanSpec& spec, CodeKind kind) {
    if (!codes_.build(spec, kind)) return false;
    for (uint64_t i = 0; i < entries_.size(); ++i) {
        const uint64_t window = i << (64 - kLookupBits);
        entries_[i] = make_entry(codes_.lookup(window), window);
    }
    return true;
}

}  // namespace pcr
