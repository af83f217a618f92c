"""The search: guess which changes of a ladder are good, measure, keep what holds, learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from search.bands import State, Table
from search.costs import Bounds, Cost, Costs
from search.curve import Curve, curve_of, score
from search.moves import random_move, random_state
from search.photographs import Photographs
from search.surrogate import Surrogate

LEARNED_STATES = 40  # random ones, from which the surrogate learns at first
MOVES = 400  # that are guessed at each step of a proposal
MOST_STEPS = 8  # to a proposal
MOST_KICKS = 3  # random moves before them, where the last proposal failed
SLACK = 0.02  # how much worse than the best a proposal that is measured may be by guess
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
        self,
        photographs: Photographs,
        costs: Costs,
        bounds: Bounds,
        start: Table,
        *,
        seed: int = 0,
    ) -> None:
        """``start``: within the bounds."""
        self._photographs = photographs
        self._costs = costs
        self._table = start
        self._start = self._curve(start)
        self._bounds = bounds
        self._random = np.random.default_rng(seed)
        self._distortions = photographs.distortions()
        self._tried: set[Table] = set()

    def run(self, proposals: int) -> Iterator[Step]:
        """The start, and each ladder that was better than the last."""
        for _ in range(LEARNED_STATES):
            self._photographs.divergences(random_state(self._random))
        yield self._step(0)
        begin = self._table
        for number in range(1, proposals + 1):
            self._tried.add(self._table)
            proposed = self._propose(begin)
            if proposed and self._is_better(proposed):
                self._table = begin = proposed
                yield self._step(number)
            else:
                begin = self._kick()

    def _step(self, number: int) -> Step:
        curve = self._curve(self._table)
        return Step(number, self._table, self._costs.of(self._table), self._score(curve))

    def _score(self, curve: Curve) -> float:
        return float(score(curve.at_budgets(), self._start.at_budgets()))

    def _is_better(self, proposed: Table) -> bool:
        before = self._curve(self._table)
        return self._curve(proposed).share_better(before, self._start) >= LEAST_SHARE

    def _curve(self, table: Table) -> Curve:
        return curve_of(table, self._photographs, self._costs)

    def _kick(self) -> Table:
        """The best ladder after a few random moves, for another way down."""
        table = self._table
        for _ in range(self._random.integers(1, MOST_KICKS + 1)):
            table = next(iter(self._moves(table)), table)
        return table

    def _propose(self, begin: Table) -> Table | None:
        """What some steps of steepest descent, by guesses, make of ``begin``.

        None where that was tried, or is worse than the best ladder by guess.
        """
        surrogate = Surrogate(self._distortions, self._photographs.measured)
        proposed = begin
        for _ in range(self._random.integers(1, MOST_STEPS + 1)):
            guesses = self._guess([proposed, *self._moves(proposed)], surrogate)
            best = min(guesses, key=guesses.__getitem__)
            if best == proposed:
                break
            proposed = best
        guesses = self._guess([self._table, proposed], surrogate)
        if proposed in self._tried or guesses[proposed] > guesses[self._table] + SLACK:
            return None
        self._tried.add(proposed)
        return proposed

    def _moves(self, table: Table) -> list[Table]:
        """Random changes of a ladder that are within the bounds and were not tried."""
        moved = (random_move(table, self._random) for _ in range(MOVES))
        found = dict.fromkeys(t for t in moved if t and t not in self._tried)
        return [t for t in found if self._costs.of(t).is_within(self._bounds)]

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
            guesses[table] = self._score(Curve(shares, points[:, None]))
        return guesses
