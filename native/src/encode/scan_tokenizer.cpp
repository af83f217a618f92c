#include "encode/scan_tokenizer.hpp"

#include <array>
#include <cstdlib>

#include "encode/jpeg_writer.hpp"
#include "encode/token_kernels.hpp"

namespace pcr {
namespace {

constexpr unsigned kMaxDcBits = 11;  // of a difference, for 8-bit samples

TableIndex dc_table(const Frame& frame, int component) {
    return static_cast<TableIndex>(kDc0 + table_of(frame.color, component));
}

TableIndex ac_table(const Frame& frame, int component) {
    return static_cast<TableIndex>(kAc0 + table_of(frame.color, component));
}

/// One component of a scan whose MCUs hold blocks of several.
struct McuPart {
    CoefficientPlane plane;
    uint32_t width_in_blocks;
    uint32_t height_in_blocks;
    uint32_t step_x;  // blocks per MCU
    uint32_t step_y;
    TableIndex dc_table;
    TableIndex ac_table;
    int previous_dc = 0;

    /// Calls `code(block index, is_real)` for its blocks of one MCU; a block beyond the picture is
    /// given as the one before it (libjpeg's filling).
    template <typename Code>
    bool for_each_block(size_t mcu_row, size_t mcu_column, Code code) const {
        size_t block = 0;
        for (size_t y = mcu_row * step_y; y < (mcu_row + 1) * step_y; ++y) {
            for (size_t x = mcu_column * step_x; x < (mcu_column + 1) * step_x; ++x) {
                const bool real = y < height_in_blocks && x < width_in_blocks;
                if (real) block = y * plane.stride + x;
                if (!code(block, real)) return false;
            }
        }
        return true;
    }
};

struct Nothing {
    void operator()() const {}
};

/// The MCUs of a DC or sequential scan.
class McuWalk {
  public:
    McuWalk(const Frame& frame, const CoefficientStore& coefficients, const ScanSpec& scan,
            const ScanGrid& grid)
        : count_(scan.count), grid_(grid) {
        const bool interleaved = count_ > 1;
        for (int i = 0; i < count_; ++i) {
            const int c = scan.components[i];
            const Component& component = frame.components[c];
            parts_[i] = {coefficients.plane(c),
                         component.width_in_blocks,
                         component.height_in_blocks,
                         interleaved ? component.h : 1u,
                         interleaved ? component.v : 1u,
                         dc_table(frame, c),
                         ac_table(frame, c)};
        }
    }

    /// Calls `code(part, block index, is_real)` for every block in order, and `finish()` before a
    /// restart marker; false where `code` is, or where there is no room for more tokens.
    template <typename Code, typename Finish = Nothing>
    bool for_each_block(Tokens& tokens, Code code, Finish finish = {}) {
        for (size_t row = 0; row < grid_.rows; ++row) {
            if (grid_.restarts_before(row)) {
                if (!tokens.ensure(kMaxBlockTokens)) return false;
                finish();
                restart(tokens);
            }
            for (size_t column = 0; column < grid_.columns; ++column) {
                if (!tokens.ensure(kMaxMcuTokens)) return false;
                for (int i = 0; i < count_; ++i) {
                    McuPart& part = parts_[i];
                    const auto code_part = [&](size_t block, bool real) {
                        return code(part, block, real);
                    };
                    if (!part.for_each_block(row, column, code_part)) return false;
                }
            }
        }
        return true;
    }

  private:
    static constexpr size_t kMaxMcuTokens = kMaxBlocksInMcu * kMaxBlockTokens;

    void restart(Tokens& tokens) {
        tokens.end_interval();
        for (McuPart& part : parts_) part.previous_dc = 0;
    }

    std::array<McuPart, kMaxComponents> parts_;
    int count_;
    ScanGrid grid_;
};

/// Codes the difference to the component's DC value before; false where it is too large.
bool add_dc(McuPart& part, size_t block, int shift, Tokens& tokens) {
    const int value = part.plane.dc[block] >> shift;
    const int difference = value - part.previous_dc;
    part.previous_dc = value;
    const auto magnitude = static_cast<unsigned>(std::abs(difference));
    const unsigned bits = magnitude == 0 ? 0 : 32 - static_cast<unsigned>(__builtin_clz(magnitude));
    if (bits > kMaxDcBits) return false;
    const auto appended = static_cast<unsigned>(difference < 0 ? difference - 1 : difference);
    tokens.add(part.dc_table, bits, bits, appended & ((1u << bits) - 1));
    return true;
}

bool tokenize_dc_first(McuWalk scan, int shift, Tokens& tokens) {
    return scan.for_each_block(tokens, [&](McuPart& part, size_t block, bool) {
        return add_dc(part, block, shift, tokens);
    });
}

bool tokenize_dc_refine(McuWalk scan, int shift, Tokens& tokens) {
    uint64_t bits = 0;
    unsigned count = 0;
    const auto flush = [&] {
        tokens.add_bits(count, bits);
        count = 0;
    };
    const auto add_bit = [&](McuPart& part, size_t block, bool) {
        bits = bits << 1 | (static_cast<unsigned>(part.plane.dc[block] >> shift) & 1);
        if (++count == 64) flush();
        return true;
    };
    if (!scan.for_each_block(tokens, add_bit, flush)) return false;
    if (!tokens.ensure(kMaxBlockTokens)) return false;
    flush();
    return true;
}

bool tokenize_sequential(McuWalk scan, Tokens& tokens) {
    const auto sequential_block = token_kernels().sequential_block;
    return scan.for_each_block(tokens, [&](McuPart& part, size_t block, bool real) {
        const uint64_t nonzero = real ? part.plane.nonzero[block] : 0;
        return add_dc(part, block, 0, tokens) &&
               sequential_block(part.plane.ac + block * 64, nonzero, part.ac_table, tokens);
    });
}

}  // namespace

ScanSpec sequential_scan(const Frame& frame) {
    return {frame.num_components, {0, 1, 2, 3}, 0, 63, 0, 0};
}

bool tokenize_scan(const Frame& frame, const CoefficientStore& coefficients, const ScanSpec& scan,
                   const ScanGrid& grid, Tokens& tokens) {
    tokens.clear();
    if (scan.first == 0) {
        const McuWalk mcus(frame, coefficients, scan, grid);
        if (scan.last > 0) return tokenize_sequential(mcus, tokens);
        return scan.high == 0 ? tokenize_dc_first(mcus, scan.low, tokens)
                              : tokenize_dc_refine(mcus, scan.low, tokens);
    }
    const int index = scan.components[0];
    const Band band{
        coefficients.plane(index), grid, ac_table(frame, index), scan.first, scan.last, scan.low};
    return scan.high == 0 ? token_kernels().ac_first(band, tokens)
                          : token_kernels().ac_refine(band, tokens);
}

}  // namespace pcr
