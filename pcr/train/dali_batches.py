"""Batches decoded by NVIDIA DALI; the only module of the trainer that needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import torch
from torch import Tensor

from pcr.errors import PCRError
from pcr.extras import how_to_install
from pcr.loading.epochs import Epochs
from pcr.loading.source import JpegSource
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

try:
    from nvidia.dali.pipeline import Pipeline
    from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

    from pcr import dali as pipelines
except ImportError as error:
    raise PCRError(
        f"the loader dali needs NVIDIA DALI, which can't be imported ({error}): "
        f"{how_to_install('nvidia')}, or choose `loader='native'`"
    ) from error


class DaliBatches:
    """Batches of a DALI pipeline, which is built when the first epoch begins.

    DALI takes JPEGs from its source ahead of time, so what was delivered is counted here.
    """

    def __init__(
        self, source: JpegSource, build: Callable[..., Pipeline], device: torch.device
    ) -> None:
        """`build(source, **checkpointing_arguments)` makes the pipeline."""
        self.source = source
        self.wait_seconds = 0.0
        self._epochs = Epochs(len(source))
        self._build = build
        self._device = device
        self._restored: bytes | None = None
        self._loader: Any = None
        self._complete = False  # DALI has delivered all of an epoch

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self.source)

    @property
    def epoch(self) -> int:
        """The epoch of the next batch."""
        return self._epochs.position[0]

    def set_epoch(self, epoch: int) -> None:
        """Start with this epoch."""
        self._pause()
        self._epochs.set(epoch)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of the epoch: images (N, 3, crop, crop) float32 and labels (N,) int64."""
        return self._epochs.begin(self._run)

    def state_dict(self) -> dict[str, Any]:
        """Epoch, batches delivered in it, and the state of DALI's random operators."""
        return self.source.state_at(*self._epochs.position) | {"pipeline": self._checkpoint()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken; UsageError if it is of other batches."""
        self.source.load_state_dict(state)
        self._epochs.set(*self.source.position)
        self._loader, self._restored = None, state["pipeline"]

    def close(self) -> None:
        """Stop reading; DALI's threads end with the pipeline."""
        self._epochs.close()
        self._loader = None
        self.source.close()

    def _run(self, epoch: int, first_batch: int) -> Generator[tuple[Tensor, Tensor], None, None]:
        self._begin(epoch, first_batch)
        for size in self.source.sizes(epoch, first_batch):
            outputs = self._next()
            if outputs is None:
                raise PCRError("DALI's epoch has ended before the data's")
            self._epochs.count()
            self._complete = self.epoch > epoch
            labels = outputs["labels"][:size].squeeze(1)  # size 0: DALI was given a stand-in
            yield (
                outputs["images"][:size].to(self._device, non_blocking=True),
                labels.to(self._device, torch.int64, non_blocking=True),
            )

    def _begin(self, epoch: int, first_batch: int) -> None:
        """Have a loader that stands where the next batch comes from.

        DALI starts to read when it is reset, so that waits until the next epoch is asked for: what was
        changed in between (`n_scans`) holds from the epoch's first batch, and its bytes count for it.
        """
        if self._loader is not None and self._complete:
            while self._next() is not None:
                pass
            self._loader.reset()
        else:
            self._pause()
            self.source.enter(epoch, first_batch)
            self._loader = self._open()
        self._complete = False

    def _checkpoint(self) -> bytes | None:
        return self._loader.checkpoints()[0] if self._loader is not None else self._restored

    def _pause(self) -> None:
        """Drop the pipeline; the next one continues its random numbers."""
        self._restored, self._loader = self._checkpoint(), None

    def _open(self) -> Any:
        return DALIGenericIterator(
            self._build(self.source, enable_checkpointing=True, checkpoint=self._restored),
            ["images", "labels"],
            last_batch_policy=LastBatchPolicy.PARTIAL,
            prepare_first_batch=False,  # nothing is read before it is asked for
        )

    def _next(self) -> dict[str, Tensor] | None:
        """DALI's next outputs, or None at the epoch's end."""
        start = time.perf_counter()
        try:
            (outputs,) = next(self._loader)
        except StopIteration:
            return None
        except RuntimeError as error:
            reason = " ".join(str(error).split("Stacktrace")[0].split())
            raise PCRError(f"DALI could not make a batch: {reason}") from error
        finally:
            self.wait_seconds += time.perf_counter() - start
        return outputs


def train_batches(
    source: JpegSource, config: TrainConfig, processes: Processes, size: int
) -> DaliBatches:
    """What the source reads, with the crops, ``size`` pixels wide and high, and flips of training."""

    def build(source: JpegSource, **restored: Any) -> Pipeline:
        return pipelines.HybridTrainPipe(
            source, size, config.dali_cpu, **_arguments(config, processes), **restored
        )

    return DaliBatches(source, build, processes.device)


def validation_batches(
    source: JpegSource, config: TrainConfig, processes: Processes
) -> DaliBatches:
    """What the source reads, the centre of each image."""

    def build(source: JpegSource, **restored: Any) -> Pipeline:
        return pipelines.HybridValPipe(
            source,
            config.crop_size,
            config.resize_size,
            config.dali_cpu,
            **_arguments(config, processes),
            **restored,
        )

    return DaliBatches(source, build, processes.device)


def _arguments(config: TrainConfig, processes: Processes) -> dict[str, Any]:
    """What DALI is told about every pipeline of the run; each process draws its own crops."""
    device = processes.device
    return {
        "batch_size": config.batch_size,
        "num_threads": config.workers,
        "device_id": device.index if device.type == "cuda" else None,
        "seed": config.base_seed + processes.rank,
    }
