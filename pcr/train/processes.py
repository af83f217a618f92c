"""The processes of a run: which one this is, its device, and what they tell each other.

`torchrun` starts them and says which is which in RANK, LOCAL_RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT; without these variables a run is one process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from pcr.errors import PCRError, UsageError, printable

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """This process among those of the run."""

    device: torch.device
    rank: int = 0
    world_size: int = 1
    wording: Callable[[str], str] = str  # of messages: a command has flags for parameters

    @classmethod
    @contextmanager
    def joined(
        cls,
        device_name: str,
        local_rank: int | None = None,
        wording: Callable[[str], str] = str,
    ) -> Iterator[Processes]:
        """This process, connected to the others until the block ends: by NCCL on GPUs, else by gloo.

        ``local_rank`` is the launcher's argument, for an environment without LOCAL_RANK.

        Raises:
            UsageError: the environment is incomplete, or there is no such device.
            PCRError: the others can't be reached, or one of them has ended.
        """
        rank, local_rank, world_size = place(os.environ, local_rank)
        processes = cls(choose_device(device_name, local_rank), rank, world_size, wording)
        if world_size == 1:
            yield processes
            return
        try:
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if processes.device.type == "cuda" else "gloo",
                rank=rank,
                world_size=world_size,
            )
            yield processes
            dist.barrier()
        except PCRError as error:
            error.args = (f"rank {rank}: {error}",)  # which of the processes speaks
            raise
        except RuntimeError as error:
            if not _lost_peer(error):
                raise
            raise PCRError(
                f"rank {rank}: lost the other processes of the run; the one that failed says why "
                f"({str(error).splitlines()[0]})"
            ) from error
        # Only at a good end: after a failure this would wait for processes that are gone.
        dist.destroy_process_group()

    @property
    def is_main(self) -> bool:
        """Whether this is the one that prints and saves."""
        return self.rank == 0

    def print(self, text: str) -> None:
        """Print lines once for all processes."""
        if self.is_main:
            lines = self.wording(text).split("\n")
            print("\n".join(map(printable, lines)), flush=True)

    def warn(self, text: str) -> None:
        """Print a warning of one line once for all processes, on stderr."""
        if self.is_main:
            print(f"warning: {printable(self.wording(text))}", file=sys.stderr, flush=True)

    def replicate(self, model: nn.Module) -> nn.Module:
        """The model, its gradients averaged over the processes; all use the first one's buffers."""
        if self.world_size == 1:
            return model
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(model, device_ids=ids)

    def sum(self, values: Tensor) -> Tensor:
        """Over all processes, element by element; in place."""
        if self.world_size > 1:
            dist.all_reduce(values)
        return values

    def total(self, number: int) -> int:
        """The sum of a number of each process."""
        return int(self.sum(torch.tensor([number], device=self.device)))

    def max_later(self, value: int) -> MaxLater:
        """Begin to find the greatest value of all processes, without waiting for it."""
        tensor = torch.tensor([value])
        work = None
        if self.world_size > 1:
            work = dist.all_reduce(tensor, dist.ReduceOp.MAX, async_op=True)
        return MaxLater(tensor, work)

    def from_main(self, value: T) -> T:
        """The main process's value, on all; plain values and tensors."""
        values = [value]
        if self.world_size > 1:
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def to_main(self, value: T) -> list[T]:
        """The values of all processes by rank, on the main one; elsewhere an empty list."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.gather_object(value, values if self.is_main else None)
        return values if self.is_main else []

    def first(self, value: T | None) -> T | None:
        """The value of the first process that has one, on all of them."""
        return self.from_main(next((v for v in self.to_main(value) if v is not None), None))


@dataclass(frozen=True)
class MaxLater:
    """A greatest value that is being found."""

    tensor: Tensor
    work: dist.Work | None

    def result(self) -> int:
        """The value, once all processes have given theirs."""
        if self.work is not None:
            self.work.wait()
        return int(self.tensor)


def place(environment: Mapping[str, str], local_rank: int | None = None) -> tuple[int, int, int]:
    """Rank, rank on this machine, and number of processes, as torchrun tells them.

    Without LOCAL_RANK it is ``local_rank``, and without that the rank.

    Raises:
        UsageError: names the variable that is missing or makes no sense.
    """
    world_size = _number(environment, "WORLD_SIZE", "1", least=1)
    if world_size == 1:
        return 0, 0, 1
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        if name not in environment:
            raise UsageError(f"WORLD_SIZE is {world_size} but {name} is not set: use torchrun")
    rank = _number(environment, "RANK")
    if rank >= world_size:
        raise UsageError(f"RANK: expected less than WORLD_SIZE {world_size}, found {rank}")
    default = rank if local_rank is None else local_rank
    return rank, _number(environment, "LOCAL_RANK", str(default)), world_size


def _number(environment: Mapping[str, str], name: str, default: str = "", least: int = 0) -> int:
    text = environment.get(name, default)
    if not text.isdecimal() or int(text) < least:
        raise UsageError(f"{name}: expected a number from {least}, found {text!r}")
    return int(text)


def choose_device(name: str, local_rank: int = 0) -> torch.device:
    """The device called `auto`, `cuda` or `cpu`; each process of a machine has a GPU of its own.

    Raises:
        UsageError: CUDA was asked for and there is none, or there are fewer GPUs than processes.
    """
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError("no CUDA GPU is available here: choose auto or cpu", "device")
    if local_rank >= torch.cuda.device_count():
        raise UsageError(
            f"process {local_rank} of this machine has no GPU: it has {torch.cuda.device_count()}; "
            "start as many processes as there are GPUs, or choose the device cpu"
        )
    torch.cuda.set_device(local_rank)
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda", local_rank)


def _lost_peer(error: RuntimeError) -> bool:
    text = str(error)
    return isinstance(error, dist.DistError) or any(
        word in text for word in ("gloo", "Gloo", "NCCL", "Connection closed by peer")
    )
