"""What one pass over a data set gives and takes: loss, accuracy, images, bytes, waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from pcr.train.batches import Batches


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
    """Measures a pass from its creation on, and shows it on a live line while it runs.

    Losses and hits are summed on the device: only `scores`, and so every `print_freq`-th `update`, waits for it.
    """

    def __init__(self, bar: tqdm, batches: Batches, device: torch.device, print_freq: int) -> None:
        self._bar = bar
        self._batches = batches
        self._print_freq = print_freq
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)
        self._images = 0
        self._start_seconds = time.perf_counter()
        self._start_wait_seconds = batches.wait_seconds
        self._start_bytes = batches.bytes_read

    @classmethod
    @contextmanager
    def over(
        cls, what: str, batches: Batches, device: torch.device, print_freq: int
    ) -> Iterator[PassMeter]:
        """A meter with its line, which is shown on a terminal only and goes when the pass ends."""
        with tqdm(total=len(batches), desc=what, unit="batch", leave=False, disable=None) as bar:
            yield cls(bar, batches, device, print_freq)

    def update(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Take in a batch: logits (N, classes), labels (N,), their mean loss."""
        best = logits.detach().topk(min(5, logits.shape[1]), dim=1).indices
        hits = best == labels[:, None]
        sums = (loss.detach() * len(labels), hits[:, 0].sum(), hits.sum())
        self._sums += torch.stack([value.double() for value in sums])
        self._images += len(labels)
        if self._bar.n % self._print_freq == 0 and not self._bar.disable:
            self._show()
        self._bar.update()

    def scores(self) -> Scores:
        """Of the pass so far; waits for the device."""
        loss, top_1, top_5 = (self._sums / max(self._images, 1)).tolist()
        return Scores(loss, 100 * top_1, 100 * top_5)

    def reading(self) -> Reading:
        """Of the pass so far."""
        return Reading(
            self._images,
            max(time.perf_counter() - self._start_seconds, 1e-9),
            self._batches.wait_seconds - self._start_wait_seconds,
            self._batches.bytes_read - self._start_bytes,
        )

    def _show(self) -> None:
        scores, reading = self.scores(), self.reading()
        self._bar.set_postfix_str(
            f"loss {scores.loss:.3f}, top-1 {scores.top_1:.1f} %, "
            f"{reading.images_per_second:.0f} images/s, "
            f"{reading.megabytes_per_second:.1f} MB/s read, {reading.wait_share:.0%} waiting",
            refresh=False,
        )
