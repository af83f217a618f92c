"""Mixture: the batches of several loaders, in fixed proportions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from itertools import count, islice
from typing import Any

from pcr.arguments import check_at_least, is_number
from pcr.errors import UsageError
from pcr.loading.epochs import EpochIterator, Epochs
from pcr.loading.loader import TensorLoader, Tensors


class Mixture(EpochIterator[Tensors]):
    """Batches of several loaders, each as it makes them; each ``for`` loop is one epoch.

    After any number of an epoch's batches, each loader has given its share of them, rounded up or
    down. A loader whose own epoch is over begins its next one, and each resumes in a further epoch
    of the mixture where it stood. All ranks take their batches from the same loader in each step.

    loaders: as they were given. shares: of each, their sum is 1.
    """

    def __init__(
        self, loaders: Sequence[tuple[TensorLoader, float]], *, batches: int | None = None
    ) -> None:
        """Mix the batches of loaders, given with their weights.

        batches: of an epoch; None: as many as the loaders' epochs have together.

        Raises UsageError where a weight or a loader makes no sense.
        """
        self.loaders = tuple(loader for loader, _ in loaders)
        self._weights = _checked([weight for _, weight in loaders])
        self._batches = batches
        if len({id(loader) for loader in self.loaders}) < len(self.loaders):
            raise UsageError("expected each loader once, found one twice", "loaders")
        if not all(map(len, self.loaders)):
            raise UsageError("expected loaders that have batches, found one without", "loaders")
        check_at_least(1, batches=len(self))
        self._epochs = Epochs(len(self))

    def __repr__(self) -> str:
        return f"<Mixture of {len(self.loaders)} loaders, shares {self.shares}, epoch {self.epoch}>"

    @property
    def shares(self) -> tuple[float, ...]:
        """The part of the batches that each loader gives."""
        total = sum(self._weights)
        return tuple(float(weight / total) for weight in self._weights)

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._epochs.position[0]

    def __len__(self) -> int:
        """Batches per epoch."""
        return sum(map(len, self.loaders)) if self._batches is None else self._batches

    def __iter__(self) -> Generator[Tensors, None, None]:
        self._epochs.batches = len(self)
        return self._epochs.begin(self._run)

    def set_epoch(self, epoch: int) -> None:
        """Let the next ``iter()`` begin this epoch, as if all those before had been run."""
        check_at_least(0, epoch=epoch)
        self._epochs.set(epoch)
        given = Counter(islice(turns(self._weights), len(self)))
        for number, loader in enumerate(self.loaders):
            loader.set_epoch(*divmod(epoch * given[number], len(loader)))

    def state_dict(self) -> dict[str, Any]:
        """Where the mixture and its loaders stand, as plain values."""
        epoch, batch = self._epochs.position
        loaders = [loader.state_dict() for loader in self.loaders]
        shares = list(self.shares)
        position = {"epoch": epoch, "batch": batch, "batches": len(self)}
        return {**position, "shares": shares, "loaders": loaders}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next ``iter()`` resume where ``state`` was taken, on any number of ranks.

        Where an epoch has another number of batches now, it resumes after the same part of it.
        Raises UsageError where the state is of another mixture, or of other loaders.
        """
        found = state.get("shares")
        if found != list(self.shares) or len(state.get("loaders", ())) != len(self.loaders):
            raise UsageError(f"expected {list(self.shares)} as here, found {found}", "shares")
        check_at_least(0, epoch=state.get("epoch"), batch=state.get("batch"))
        check_at_least(1, batches=state.get("batches"))
        for loader, own in zip(self.loaders, state["loaders"], strict=True):
            loader.load_state_dict(own)
        self._epochs.batches = len(self)
        self._epochs.set(state["epoch"], len(self) * state["batch"] // state["batches"])

    def close(self) -> None:
        """End the epoch under way and the threads of all loaders."""
        self._epochs.close()

    def _run(self, epoch: int, first_batch: int) -> Generator[Tensors, None, None]:
        with ExitStack() as opened:
            running = [_endless(opened.enter_context(loader)) for loader in self.loaders]
            for number in islice(turns(self._weights), first_batch, len(self)):
                # Not kept in a variable: its buffer is free once the user lets go of it.
                yield self._counted(running[number])

    def _counted(self, batches: Iterator[Tensors]) -> Tensors:
        batch = next(batches)
        self._epochs.count()
        return batch


def turns(weights: Sequence[Fraction]) -> Iterator[int]:
    """Which loader gives each batch, without end.

    Of n batches each gives its share of n, rounded up or down, whatever n is: the quota method
    (Balinski and Young, American Mathematical Monthly 82, 1975).
    """
    shares = [weight / sum(weights) for weight in weights]
    given = [0] * len(shares)
    for number in count(1):
        due = [i for i, share in enumerate(shares) if given[i] < number * share]
        chosen = max(due, key=lambda i: shares[i] / (given[i] + 1))
        given[chosen] += 1
        yield chosen


def _endless(loader: TensorLoader) -> Iterator[Tensors]:
    """Its batches from where it stands, epoch after epoch."""
    loader.source.enter(*loader.source.position)
    while True:
        yield from loader


def _checked(weights: Sequence[float]) -> tuple[Fraction, ...]:
    if not weights:
        raise UsageError("expected a loader or more, found none", "loaders")
    for weight in weights:
        if not (is_number(weight) and 0 < weight < math.inf):
            raise UsageError(f"expected weights above 0, found {weight!r}", "loaders")
    return tuple(Fraction(float(weight)) for weight in weights)
