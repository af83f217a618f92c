#include "entropy/refinement_table.hpp"

namespace pcr {
namespace {

bool is_step(Code code) {
    return code.total_bits() != 0 && (code.size() != 0) != code.is_end_of_band();
}

}  // namespace

bool RefinementTable::build(const HuffmanSpec& spec) {
    if (!codes_.build(spec, CodeKind::kAcRefine)) return false;
    lengths_.fill({});
    for (unsigned first = 0, codes = 0; first < kEntries; first += codes) {
        const uint64_t highest_first = uint64_t{first} << (64 - kLookupBits);
        const Code code = codes_.lookup(highest_first);
        codes = code.total_bits() != 0 ? kEntries >> code.code_bits() : 1;
        if (!is_step(code)) continue;
        const auto run_bit = static_cast<uint16_t>(code.is_end_of_band() ? 0 : 1u << code.run());
        const auto lengths = static_cast<uint16_t>(code.code_bits() | code.total_bits() << 8);
        for (uint64_t i = reverse_bits(highest_first); i < kEntries; i += kEntries / codes) {
            run_bits_[i] = run_bit;
            lengths_[i] = {lengths};
        }
    }
    return true;
}

Code RefinementTable::find(uint64_t window) const { return codes_.find(reverse_bits(window)); }

}  // namespace pcr
