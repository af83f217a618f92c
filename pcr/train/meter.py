"""Measures a pass over a data set: loss, accuracy, images, bytes, waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from pcr.train.batches import Batches
from pcr.train.processes import Processes

# What matters most comes first: a terminal of fewer than some 100 columns cuts off the end.
_LINE = "{desc} {n_fmt}/{total_fmt}, {remaining} left{postfix}"


@dataclass(frozen=True)
class Scores:
    """Means over the images of a pass; accuracies in percent."""

    loss: float
    top_1: float
    top_5: float


@dataclass(frozen=True)
class Reading:
    """What a pass took from its data."""

    images: int
    elapsed_seconds: float
    wait_seconds: float
    bytes_read: int

    def over(self, processes: Processes) -> Reading:
        """Of all processes together: images and bytes added, times averaged."""
        mine = (self.images, self.bytes_read, self.elapsed_seconds, self.wait_seconds)
        sums = processes.sum(torch.tensor(mine, dtype=torch.float64, device=processes.device))
        images, bytes_read, elapsed, waited = sums.tolist()
        return Reading(
            round(images),
            elapsed / processes.world_size,
            waited / processes.world_size,
            round(bytes_read),
        )

    @property
    def images_per_second(self) -> float:
        """Images, per second of the pass."""
        return self.images / self.elapsed_seconds

    @property
    def megabytes_per_second(self) -> float:
        """10^6 bytes read, per second of the pass."""
        return self.bytes_read / 1e6 / self.elapsed_seconds

    @property
    def wait_share(self) -> float:
        """Share of the time in which the model waited for data, 0 … 1."""
        return self.wait_seconds / self.elapsed_seconds


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
        done = done or {"sums": torch.zeros(4, dtype=torch.float64), "seconds": 0.0}
        self._bar = bar
        self._batches = batches
        self._processes = processes
        self._print_freq = print_freq
        self._sums: Tensor = done["sums"].to(processes.device)  # loss, top-1, top-5, images
        self._images = round(float(done["sums"][3]))
        self._start_seconds = time.perf_counter() - done["seconds"]
        self._start_wait_seconds = batches.wait_seconds - done.get("wait_seconds", 0.0)
        self._start_bytes = batches.source.bytes_read - done.get("bytes_read", 0)

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
        return Reading(
            self._images,
            max(time.perf_counter() - self._start_seconds, 1e-9),
            self._batches.wait_seconds - self._start_wait_seconds,
            self._batches.source.bytes_read - self._start_bytes,
        )

    def state_dict(self) -> dict[str, Any]:
        """What is measured so far, to continue from."""
        reading = self.reading()
        return {
            "sums": self._sums.cpu(),
            "seconds": reading.elapsed_seconds,
            "wait_seconds": reading.wait_seconds,
            "bytes_read": reading.bytes_read,
        }

    def _show(self) -> None:
        scores, reading = _scores(self._sums), self.reading()
        self._bar.set_postfix_str(
            f"loss {scores.loss:.2f}, top-1 {scores.top_1:.1f}%, "
            f"{reading.images_per_second:.0f} img/s, {reading.wait_share:.0%} wait, "
            f"{reading.megabytes_per_second:.1f} MB/s",
            refresh=False,
        )


def _scores(sums: Tensor) -> Scores:
    loss, top_1, top_5, images = sums.tolist()
    images = max(images, 1)
    return Scores(loss / images, 100 * top_1 / images, 100 * top_5 / images)


def share_measured(measured: list[dict[str, Any]], rank: int, world_size: int) -> dict[str, Any]:
    """One process's part of the `state_dict`s of all those of an earlier run; times are means."""
    mine = measured[rank::world_size]
    nothing = torch.zeros(4, dtype=torch.float64)
    return {
        "sums": sum((one["sums"] for one in mine), nothing),
        "seconds": sum(one["seconds"] for one in measured) / len(measured),
        "wait_seconds": sum(one["wait_seconds"] for one in measured) / len(measured),
        "bytes_read": sum(one["bytes_read"] for one in mine),
    }
