"""Changes of a ladder's states that keep it a ladder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from numpy.random import Generator

from search.bands import BANDS, FULL, GROUPS, MOST_BITS, NOTHING, UNSENT, State, Table

_RELOCATION_SHARE = 0.15  # of the moves


def random_move(table: Table, random: Generator) -> Table | None:
    """A changed table; None where the change leaves no ladder of as many levels."""
    relocates = random.random() < _RELOCATION_SHARE
    changed = _relocate_level(table, random) if relocates else _set_bits(table, random)
    increases = all(before != after for before, after in pairwise([NOTHING, *changed, FULL]))
    return changed if increases and changed != table and changed[0][0] != UNSENT else None


def random_state(random: Generator) -> State:
    """A state with any number of bits of DC, and of luma and chroma up to some frequency."""
    bits = [int(random.integers(MOST_BITS))]
    for group in GROUPS[1:]:
        count = len(group)
        sent = int(random.integers(count + 1))
        slope = random.choice([0.0, 0.0, 0.2, -0.2])
        first = random.integers(MOST_BITS + 1)
        rounded = [round(first + slope * i) for i in range(sent)]
        bits += [min(max(bit, 0), MOST_BITS) for bit in rounded] + [UNSENT] * (count - sent)
    return tuple(bits)


def _set_bits(table: Table, random: Generator) -> Table:
    """A run of bands of one level gets the same bits left out; other levels follow."""
    level = int(random.integers(len(table)))
    group = GROUPS[random.integers(len(GROUPS))]
    ends = sorted(random.integers(0, len(group), 2))
    run = group[ends[0] : ends[1] + 1]
    bit = _some_bit(table, level, run[0], random)
    raised = _with(table[level], run, lambda _: bit)
    before = [_with(s, run, lambda own: max(own, bit)) for s in table[:level]]
    after = [_with(s, run, lambda own: min(own, bit)) for s in table[level + 1 :]]
    return (*before, raised, *after)


def _some_bit(table: Table, level: int, band: int, random: Generator) -> int:
    """A number of bits that is close to what the band, its neighbours or other levels have."""
    own = table[level][band]
    if own == UNSENT:
        return int(random.integers(1, MOST_BITS + 1))
    near = [own - 1, own + 1, UNSENT]
    near += [table[other][band] for other in (level - 1, level + 1) if 0 <= other < len(table)]
    near += [table[level][other] for other in (band - 1, band + 1) if 0 <= other < len(BANDS)]
    bit = int(random.choice(near))
    return bit if bit == UNSENT else min(max(bit, 0), MOST_BITS)


def _with(state: State, run: range, change: Callable[[int], int]) -> State:
    return (*state[: run.start], *map(change, state[run.start : run.stop]), *state[run.stop :])


def _relocate_level(table: Table, random: Generator) -> Table:
    """Join two levels, and divide another: what it adds in some groups comes a level earlier."""
    joined = int(random.integers(len(table)))
    rest = [NOTHING, *table[:joined], *table[joined + 1 :], FULL]
    divided = int(random.integers(len(rest) - 1))
    group = GROUPS[random.integers(len(GROUPS))]
    start = group[random.integers(len(group))]
    earlier = range(start, group.stop) if random.random() < 0.5 else range(group.start, start + 1)
    before, after = rest[divided : divided + 2]
    between = tuple(after[i] if i in earlier else before[i] for i in range(len(BANDS)))
    return (*rest[1 : divided + 1], between, *rest[divided + 1 : -1])
