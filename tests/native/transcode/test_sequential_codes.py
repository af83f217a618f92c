"""Sequential scans of any codes, such as no encoder writes: both coders take or refuse the same."""

from __future__ import annotations

import struct

import pytest
from helpers import jpegs
from helpers.coders import assert_same
from helpers.jpegs import segment
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr.ladder import Ladder

SCRIPTS = Ladder.load("standard").scripts
BLOCKS = 4
ZRL, EOB0 = 0xF0, 0x00
Symbol = int  # run << 4 | size, as in ITU-T T.81, F.1.2.2.1


def code_of(symbols: list[Symbol]) -> dict[Symbol, tuple[int, int]]:
    """A Huffman code (bits, length) with one symbol of each length from 2 on, the rest of 16."""
    codes, code, length = {}, 0, 1
    for place, symbol in enumerate(symbols):
        longer = min(place + 2, 16) - length
        code, length = code << longer, length + longer
        codes[symbol] = (code, length)
        code += 1
    return codes


def table(table_class: int, symbols: list[Symbol]) -> bytes:
    """The DHT segment of `code_of`."""
    lengths = [length for _, length in code_of(symbols).values()]
    counts = bytes(lengths.count(length) for length in range(1, 17))
    return segment(0xC4, bytes([table_class << 4]) + counts + bytes(symbols))


def gray_jpeg(blocks: list[list[tuple[Symbol, int]]], symbols: list[Symbol]) -> bytes:
    """A sequential JPEG of blocks in a row; each has the symbols given, and what is appended."""
    codes = code_of(symbols)
    bits = ""
    for block in blocks:
        bits += "00"  # DC: no difference
        for symbol, appended in block:
            code, length = codes[symbol]
            bits += f"{code:0{length}b}"
            size = symbol & 15
            bits += f"{appended % 2**size:0{size}b}" if size else ""
    bits += "1" * (-len(bits) % 8)
    data = int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:].replace(b"\xff", b"\xff\0")
    frame = struct.pack(">BHHB", 8, 8, 8 * len(blocks), 1) + b"\1\x11\0"
    scan = segment(0xDA, b"\1\1\0\0\x3f\0") + data
    tables = table(0, [0]) + table(1, symbols)
    quantisation = segment(0xDB, bytes([0]) + b"\1" * 64)
    return b"\xff\xd8" + quantisation + segment(0xC0, frame) + tables + scan + b"\xff\xd9"


@st.composite
def coded_blocks(draw: st.DrawFn) -> tuple[list[list[tuple[Symbol, int]]], list[Symbol]]:
    """Blocks that mostly end where they should, of few symbols with codes of all lengths."""
    some = st.lists(st.integers(0, 255), min_size=1, max_size=24, unique=True)
    symbols = list(dict.fromkeys([*draw(some), *draw(st.permutations([EOB0, ZRL, 0x01]))]))
    drawn = st.lists(st.tuples(st.sampled_from(symbols), st.integers(0, 2**15 - 1)), max_size=70)
    fits = draw(st.booleans())
    return [upto_end(draw(drawn), fits) for _ in range(BLOCKS)], symbols


def upto_end(drawn: list[tuple[Symbol, int]], fits: bool) -> list[tuple[Symbol, int]]:
    """The codes of one block: up to an EOB, or to the last coefficient, or past it."""
    block: list[tuple[Symbol, int]] = []
    k = 0
    for symbol, appended in drawn:
        is_end = symbol & 15 == 0 and symbol != ZRL
        after = k + (symbol >> 4) + 1
        if is_end:
            return [*block, (symbol, 0)]
        if fits and after > 63:
            break
        block.append((symbol, appended))
        k = after
        if k >= 63:
            return block
    return [*block, (EOB0, 0)]


@settings(max_examples=300)
@given(coded=coded_blocks())
def test_both_coders_agree_on_any_codes(coded):
    assert_same(gray_jpeg(*coded), SCRIPTS)


@pytest.mark.parametrize("run", range(1, 15))
def test_a_symbol_that_ends_bands_of_progressive_scans_ends_one_block(run):
    plain = gray_jpeg([[(0x01, 1), (EOB0, 0)]] * BLOCKS, [0x01, EOB0])
    other = gray_jpeg([[(0x01, 1), (run << 4, 0)]] * BLOCKS, [0x01, run << 4])
    assert assert_same(other, SCRIPTS) == assert_same(plain, SCRIPTS)
    assert jpegs.decode(other).tolist() == jpegs.decode(plain).tolist()


@pytest.mark.parametrize("zeros", [[], [ZRL], [ZRL] * 2, [ZRL] * 3])
@pytest.mark.parametrize("run", range(16))
def test_a_run_that_ends_on_the_last_coefficient_or_past_it(zeros, run):
    symbol = run << 4 | 1
    block = [(ZRL, 0)] * len(zeros) + [(symbol, 1)]
    end = [] if 16 * len(zeros) + run + 1 >= 63 else [(EOB0, 0)]
    assert_same(gray_jpeg([block + end] * BLOCKS, [symbol, ZRL, EOB0]), SCRIPTS)


@pytest.mark.parametrize("size", range(1, 16))
@pytest.mark.parametrize("place", [0, 9, 20])
def test_values_of_any_size_after_codes_of_any_length(size, place):
    symbols = [symbol for symbol in range(0x11, 0x11 + 40) if symbol & 15 and symbol != size]
    symbols.insert(place, size)
    blocks = [[(size, value), (EOB0, 0)] for value in (0, 1, 2**size - 1, 2 ** (size - 1))]
    found = assert_same(gray_jpeg(blocks, [*symbols, EOB0]), SCRIPTS)
    # Ten bits are the most of 8-bit samples; the first scan leaves two more to its refinements.
    assert isinstance(found, bytes) == (size <= 12)
