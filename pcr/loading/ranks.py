"""Ranks: which share of an epoch is this process's, or that of a worker of torch's DataLoader."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from pcr.arguments import check_at_least
from pcr.errors import UsageError


@dataclass(frozen=True)
class Ranks:
    """The number of a process and how many there are; None: those of torch's process group.

    Without a group it is number 0 of 1. Raises UsageError where only one of the two is given, or
    where they are out of range.
    """

    rank: int | None = None
    world_size: int | None = None

    def __post_init__(self) -> None:
        if self.rank is None and self.world_size is None:
            return
        if self.rank is None or self.world_size is None:
            raise UsageError("expected both `rank` and `world_size`, or neither", "rank")
        check_at_least(1, world_size=self.world_size)
        check_at_least(0, rank=self.rank)
        if self.rank >= self.world_size:
            raise UsageError(f"expected 0 to {self.world_size - 1}, found {self.rank}", "rank")

    def of_process(self) -> tuple[int, int]:
        """The number of this process, and how many there are now."""
        if self.rank is not None and self.world_size is not None:
            return self.rank, self.world_size
        # Asked of torch where it is there, never imported: arrays do without it.
        group: Any = sys.modules.get("torch.distributed")
        if group is None or not group.is_available() or not group.is_initialized():
            return 0, 1
        return group.get_rank(), group.get_world_size()

    def of_reader(self) -> tuple[int, int]:
        """As `of_process`; in a worker of a DataLoader each of its workers counts as a rank."""
        rank, world_size = self.of_process()
        data: Any = sys.modules.get("torch.utils.data")
        worker = data.get_worker_info() if data is not None else None
        if worker is None:
            return rank, world_size
        return rank * worker.num_workers + worker.id, world_size * worker.num_workers

    def __getstate__(self) -> dict[str, int]:
        """The numbers of this process: a worker that is spawned has no process group."""
        rank, world_size = self.of_process()
        return {"rank": rank, "world_size": world_size}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__dict__.update(state)
