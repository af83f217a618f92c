"""What a pass takes from its data: images, bytes, requests, and the time that it waits for them."""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass, replace
from operator import add, sub

import torch

from pcr.train.batches import Batches
from pcr.train.processes import Processes


@dataclass(frozen=True)
class Reading:
    """What a pass took from its data."""

    images: int = 0
    elapsed_seconds: float = 0.0
    wait_seconds: float = 0.0  # that the model waited for batches
    bytes_read: int = 0
    requests: int = 0
    retries: int = 0
    read_wait_seconds: float = 0.0  # that the making of batches waited for files

    @classmethod
    def so_far(cls, batches: Batches) -> Reading:
        """What the counters and the clock show; they run on, so only differences mean something."""
        source = batches.source
        return cls(
            0,
            time.perf_counter(),
            batches.wait_seconds,
            source.bytes_read,
            source.requests,
            source.retries,
            source.read_wait_seconds,
        )

    def __add__(self, other: Reading) -> Reading:
        return Reading(*map(add, astuple(self), astuple(other)))

    def __sub__(self, other: Reading) -> Reading:
        return Reading(*map(sub, astuple(self), astuple(other)))

    def with_mean_times(self, total: Reading, processes: int) -> Reading:
        """The same, but its times are those of ``total`` divided by the number of processes."""
        return replace(
            self,
            elapsed_seconds=total.elapsed_seconds / processes,
            wait_seconds=total.wait_seconds / processes,
            read_wait_seconds=total.read_wait_seconds / processes,
        )

    def over(self, processes: Processes) -> Reading:
        """Of all processes together: counts added, times averaged."""
        mine = torch.tensor(astuple(self), dtype=torch.float64, device=processes.device)
        sums = Reading(*processes.sum(mine).tolist())
        return replace(
            sums.with_mean_times(sums, processes.world_size),
            images=round(sums.images),
            bytes_read=round(sums.bytes_read),
            requests=round(sums.requests),
            retries=round(sums.retries),
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

    @property
    def fetching(self) -> str:
        """What was asked of servers, in a few words; nothing where nothing was."""
        if not self.requests:
            return ""
        return f"requests {self.requests}, retries {self.retries}"
