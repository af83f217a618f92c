"""Measures a pass over a data set: loss, accuracy, and what reading it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pcr.train.batches import Batches
from pcr.train.processes import Processes
from pcr.train.reading import Reading

# What matters most comes first: a terminal of fewer than some 100 columns cuts off the end.
_LINE = "{desc} {n_fmt}/{total_fmt}, {remaining} left{postfix}"


@dataclass(frozen=True)
class Scores:
    """Means over the images of a pass; accuracies in percent."""

    loss: float
    top_1: float
    top_5: float


class PassMeter:
    """Measures this process's part of a pass, from its creation on, and shows it on a live line.

    Losses and hits are summed on the device, and only `scores` and every `print_freq`-th `update`
    wait for it.
    """

    def __init__(
        self,
        bar: tqdm,
        batches: Batches,
        processes: Processes,
        print_freq: int,
        done: dict[str, Any] | None = None,
    ) -> None:
        """`done` is the `state_dict` of the part of the pass that an earlier run did."""
        done = done or {"sums": torch.zeros(4, dtype=torch.float64), "reading": {}}
        before = Reading(**done["reading"])
        self._bar = bar
        self._batches = batches
        self._processes = processes
        self._print_freq = print_freq
        self._sums: Tensor = done["sums"].to(processes.device)  # loss, top-1, top-5, images
        self._images = before.images
        self._start = Reading.so_far(batches) - before

    @classmethod
    @contextmanager
    def over(
        cls,
        what: str,
        batches: Batches,
        processes: Processes,
        print_freq: int,
        first: int = 0,
        done: dict[str, Any] | None = None,
    ) -> Iterator[PassMeter]:
        """A meter and its live line, which only a terminal shows, and only until the pass ends."""
        with tqdm(
            total=len(batches),
            initial=first,
            desc=what,
            bar_format=_LINE,
            leave=False,
            disable=None if processes.is_main else True,
        ) as bar:
            yield cls(bar, batches, processes, print_freq, done)

    def update(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Take in a batch: logits (N, classes), labels (N,), their mean loss."""
        best = logits.detach().topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == labels[:, None]
        images = torch.full_like(loss, len(labels), dtype=torch.float64)
        sums = (loss.detach().double() * len(labels), hits[:, :1].sum(), hits.sum(), images)
        self._sums += torch.stack([value.double() for value in sums])
        self.count(len(labels))

    def count(self, images: int) -> None:
        """Take in a batch of that many images, of which nothing else is known."""
        self._images += images
        if self._bar.n % self._print_freq == 0 and not self._bar.disable:
            self._show()
        self._bar.update()

    def scores(self) -> Scores:
        """Of all processes' images so far; waits for the devices."""
        return _scores(self._processes.sum(self._sums.clone()))

    def reading(self) -> Reading:
        """Of this process's pass so far."""
        taken = Reading.so_far(self._batches) - self._start
        elapsed_seconds = max(taken.elapsed_seconds, 1e-9)
        return replace(taken, images=self._images, elapsed_seconds=elapsed_seconds)

    def state_dict(self) -> dict[str, Any]:
        """What is measured so far, to continue from."""
        return {"sums": self._sums.cpu(), "reading": asdict(self.reading())}

    def _show(self) -> None:
        scores, reading = _scores(self._sums), self.reading()
        self._bar.set_postfix_str(
            f"loss {scores.loss:.2f}, top-1 {scores.top_1:.1f}%, "
            f"{reading.images_per_second:.0f} img/s, {reading.wait_share:.0%} wait, "
            f"{reading.megabytes_per_second:.1f} MB/s"
            + (f", {reading.fetching}" if reading.fetching else ""),
            refresh=False,
        )


def _scores(sums: Tensor) -> Scores:
    loss, top_1, top_5, images = sums.tolist()
    images = max(images, 1)
    return Scores(loss / images, 100 * top_1 / images, 100 * top_5 / images)


def share_measured(measured: list[dict[str, Any]], rank: int, world_size: int) -> dict[str, Any]:
    """One process's part of the `state_dict`s of all those of an earlier run; times are means."""
    sums = [one["sums"] for one in measured]
    readings = [Reading(**one["reading"]) for one in measured]
    mine = sum(readings[rank::world_size], Reading())
    total = sum(readings, Reading())
    return {
        "sums": sum(sums[rank::world_size], torch.zeros(4, dtype=torch.float64)),
        "reading": asdict(mine.with_mean_times(total, len(measured))),
    }
