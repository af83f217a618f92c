#include "encode/huffman_code.hpp"

#include <algorithm>
#include <numeric>
#include <queue>

namespace pcr {
namespace {

constexpr int kReserved = 256;  // stands for the code of all ones, which no symbol may have
constexpr int kMaxLength = 32;  // before the limit to 16

/// A tree under construction. Of equal counts, the one with the greater symbol is merged first.
struct Tree {
    uint64_t count;
    int symbol;  // that the tree is named by
};

bool merged_later(const Tree& a, const Tree& b) {
    return a.count != b.count ? a.count > b.count : a.symbol < b.symbol;
}

/// How deep each symbol is in a code's tree; 0: it is not in it.
using Depths = std::array<uint8_t, kReserved + 1>;

/// How deep the symbols are in the tree of the optimal code.
Depths find_depths(const SymbolCounts& counts) {
    Depths depths{};
    std::array<int, kReserved + 1> next;  // the symbols of one tree form a list
    next.fill(-1);
    std::vector<Tree> trees;
    for (int symbol = 0; symbol < kReserved; ++symbol) {
        if (counts[symbol] > 0) trees.push_back({counts[symbol], symbol});
    }
    trees.push_back({1, kReserved});
    std::priority_queue<Tree, std::vector<Tree>, decltype(&merged_later)> queue(merged_later,
                                                                                std::move(trees));
    while (queue.size() > 1) {
        const Tree a = queue.top();
        queue.pop();
        const Tree b = queue.top();
        queue.pop();
        int last = a.symbol;
        for (int s = a.symbol; s >= 0; s = next[s]) {
            ++depths[s];
            last = s;
        }
        next[last] = b.symbol;
        for (int s = b.symbol; s >= 0; s = next[s]) ++depths[s];
        queue.push({a.count + b.count, a.symbol});
    }
    return depths;
}

/// Moves codes longer than 16 bits up the tree (figure K.3).
void limit_lengths(std::array<int, kMaxLength + 1>& lengths) {
    for (int i = kMaxLength; i > 16; --i) {
        while (lengths[i] > 0) {
            int j = i - 2;
            while (lengths[j] == 0) --j;
            lengths[i] -= 2;
            ++lengths[i - 1];
            lengths[j + 1] += 2;
            --lengths[j];
        }
    }
}

/// The symbols of a code, those of equal depth ascending.
void sort_by_depth(const Depths& depths, std::vector<uint8_t>& symbols) {
    std::array<size_t, kMaxLength + 2> places{};  // of the next symbol of each depth
    for (int symbol = 0; symbol < kReserved; ++symbol) {
        if (depths[symbol] > 0) ++places[depths[symbol] + 1];
    }
    std::partial_sum(places.begin(), places.end(), places.begin());
    symbols.resize(places.back());
    for (int symbol = 0; symbol < kReserved; ++symbol) {
        if (depths[symbol] > 0) symbols[places[depths[symbol]]++] = static_cast<uint8_t>(symbol);
    }
}

}  // namespace

bool make_optimal_code(const SymbolCounts& counts, HuffmanCode& code) {
    const Depths depths = find_depths(counts);
    if (*std::max_element(depths.begin(), depths.end()) > kMaxLength) return false;
    std::array<int, kMaxLength + 1> lengths{};
    for (const uint8_t depth : depths) ++lengths[depth];
    lengths[0] = 0;
    limit_lengths(lengths);
    int longest = 16;
    while (lengths[longest] == 0) --longest;
    --lengths[longest];  // the reserved code
    for (int i = 1; i <= 16; ++i) code.counts[i] = static_cast<uint8_t>(lengths[i]);
    sort_by_depth(depths, code.symbols);
    return true;
}

void assign_codes(const HuffmanCode& code, TableIndex table, CodeTable& codes) {
    uint32_t next = 0;
    size_t index = 0;
    for (uint32_t length = 1; length <= 16; ++length, next <<= 1) {
        for (int i = 0; i < code.counts[length]; ++i) {
            codes[table * 256u + code.symbols[index++]] = next++ << 8 | length;
        }
    }
}

}  // namespace pcr
