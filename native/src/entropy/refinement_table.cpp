#include "entropy/refinement_table.hpp"

namespace pcr {
namespace {

bool is_short(Code code) {
    return !code.is_end_of_band() && code.size() != 0 && code.run() < RefinementCode::kShortRuns;
}

}  // namespace

bool RefinementTable::build(const HuffmanSpec& spec) {
    if (!huffman_.build(spec, CodeKind::kAcRefine)) return false;
    codes_.fill({});
    for (unsigned first = 0, entries = 0; first < kEntries; first += entries) {
        const uint64_t highest_first = uint64_t{first} << (64 - kLookupBits);
        const Code code = huffman_.lookup(highest_first);
        entries = code.total_bits() != 0 ? kEntries >> code.code_bits() : 1;
        if (code.total_bits() == 0) continue;
        const RefinementCode packed =
            is_short(code) ? RefinementCode::make_short(code) : RefinementCode::make_other(code);
        for (uint64_t i = reverse_bits(highest_first); i < kEntries; i += kEntries / entries) {
            codes_[i] = packed;
        }
    }
    return true;
}

}  // namespace pcr
