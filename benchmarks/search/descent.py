"""The search: guess which changes of a ladder are good, measure, keep what holds, learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from search.bands import State, Table
from search.costs import Bounds, Cost, Costs
from search.curve import Curve, curve_of
from search.moves import random_move, random_state
from search.photographs import Photographs
from search.surrogate import Surrogate

LEARNED_STATES = 40  # random ones, from which the surrogate learns at first
MOVES = 400  # that are guessed at each step of a proposal
FARTHEST = 8  # steps from the best ladder to a proposal
LEAST_SHARE = 0.8  # of resamples in which a proposal must be better


class Step(NamedTuple):
    """The best ladder after some proposals."""

    proposals: int
    table: Table
    cost: Cost
    score: float


class Search:
    """A search from one ladder, within bounds. The same seed repeats it."""

    def __init__(
        self, photographs: Photographs, costs: Costs, bounds: Bounds, seed: int = 0
    ) -> None:
        self._photographs = photographs
        self._costs = costs
        self._bounds = bounds
        self._random = np.random.default_rng(seed)
        self._distortions = photographs.distortions()
        self._tried: set[Table] = set()

    def run(self, table: Table, proposals: int) -> Iterator[Step]:
        """The start, and each ladder that was better than the last. ``table``: within the bounds."""
        for _ in range(LEARNED_STATES):
            self._photographs.divergences(random_state(self._random))
        reach = FARTHEST
        yield self._step(0, table)
        for number in range(1, proposals + 1):
            proposed = self._propose(table, reach)
            self._tried.add(proposed)
            if proposed != table and self._is_better(table, proposed):
                table, reach = proposed, min(2 * reach, FARTHEST)
                yield self._step(number, table)
            else:
                reach = max(reach // 2, 1)

    def _step(self, number: int, table: Table) -> Step:
        return Step(number, table, self._costs.of(table), self._curve(table).score())

    def _is_better(self, table: Table, proposed: Table) -> bool:
        return self._curve(proposed).share_better(self._curve(table)) >= LEAST_SHARE

    def _curve(self, table: Table) -> Curve:
        return curve_of(table, self._photographs, self._costs)

    def _propose(self, table: Table, steps: int) -> Table:
        """What that many steps of steepest descent make of a ladder, by guesses."""
        surrogate = Surrogate(self._distortions, self._photographs.measured)
        for _ in range(steps):
            moved = (random_move(table, self._random) for _ in range(MOVES))
            within = [t for t in moved if t and t not in self._tried and self._is_within(t)]
            guesses = self._guess([table, *dict.fromkeys(within)], surrogate)
            best = min(guesses, key=guesses.__getitem__)
            if best == table:
                break
            table = best
        return table

    def _is_within(self, table: Table) -> bool:
        return self._costs.of(table).is_within(self._bounds)

    def _guess(self, tables: Sequence[Table], surrogate: Surrogate) -> dict[Table, float]:
        states: dict[State, int] = {}
        for table in tables:
            for state in table:
                states.setdefault(state, len(states))
        divergences = np.exp(surrogate.log_divergences(list(states)))
        blank = self._photographs.blank_divergences().mean(axis=0)
        guesses = {}
        for table in tables:
            levels = divergences[[states[state] for state in table]]
            points = np.stack([blank, *levels, np.zeros_like(blank)])
            shares = np.array([0, *self._costs.of(table).shares])
            guesses[table] = Curve(shares, points[:, None]).score()
        return guesses
