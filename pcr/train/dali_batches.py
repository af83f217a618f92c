"""Batches decoded by NVIDIA DALI; the only module of the trainer that needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pcr.errors import PCRError
from pcr.loading.source import JpegSource
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

try:
    from nvidia.dali.pipeline import Pipeline
    from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

    from pcr import dali as pipelines
except ImportError as error:
    raise PCRError(
        f"--loader dali needs NVIDIA DALI, and importing it failed ({error}): "
        "install requirements.txt (bash install_python_deps.sh), or choose --loader native"
    ) from error


class DaliBatches:
    """The `Batches` of a DALI pipeline, which is built when the first epoch begins."""

    def __init__(
        self, source: JpegSource, build: Callable[..., Pipeline], device: torch.device
    ) -> None:
        """`build(source, **checkpointing_arguments)` makes the pipeline."""
        self.classes = source.classes
        self.total_images = source.total_images
        self.wait_seconds = 0.0
        self.epoch = 0
        self.batch = 0  # of the epoch, delivered so far
        self._source = source
        self._batch_sizes = source.batch_sizes
        self._build = build
        self._device = device
        self._restored: bytes | None = None
        self._loader: Any = None
        self._exhausted = False

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(self._batch_sizes)

    @property
    def n_scans(self) -> int | None:
        """Levels that are read of a PCR dataset."""
        return self._source.n_scans

    @n_scans.setter
    def n_scans(self, levels: int | None) -> None:
        self._source.n_scans = levels

    @property
    def levels(self) -> int | None:
        """Levels that a PCR dataset has."""
        return self._source.levels

    @property
    def bytes_read(self) -> int:
        """Bytes read of records or of image files."""
        return self._source.bytes_read

    def set_epoch(self, epoch: int) -> None:
        """Start with this epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of the epoch: images (N, 3, crop, crop) float32 and labels (N,) int64."""
        self._begin()
        while (outputs := self._next()) is not None:
            size = self._batch_sizes[self.batch]  # 0: DALI was given a stand-in
            self.batch += 1
            labels = outputs["labels"][:size].squeeze(1)
            yield (
                outputs["images"][:size].to(self._device, non_blocking=True),
                labels.to(self._device, torch.int64, non_blocking=True),
            )

    def state_dict(self) -> dict[str, Any]:
        """Epoch, batches delivered in it, and the state of DALI's random operators."""
        pipeline = self._loader.checkpoints()[0] if self._loader is not None else self._restored
        position = {"epoch": self.epoch, "batch": self.batch}
        return {**position, "pipeline": pipeline, **self._source.drawing()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken; UsageError where it is of other batches."""
        self._source.check_drawing(state)
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._restored = state["pipeline"]

    def close(self) -> None:
        """Stop reading; DALI's threads end with the pipeline."""
        self._loader = None
        self._source.close()

    def _begin(self) -> None:
        """Have a loader that stands where the next batch is to come from.

        DALI starts to read when it is reset, so that waits until the next epoch is asked for: what was
        changed in between (`n_scans`) holds from the epoch's first batch, and its bytes count as its own.
        """
        if self._loader is None:
            self._loader = self._open()
        if self.batch == len(self):
            while not self._exhausted:
                self._next()
            self._loader.reset()
            self._exhausted = False
            self.epoch, self.batch = self.epoch + 1, 0

    def _open(self) -> Any:
        self._source.set_epoch(self.epoch, self.batch)
        return DALIGenericIterator(
            self._build(self._source, enable_checkpointing=True, checkpoint=self._restored),
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
            self._exhausted = True
            return None
        except RuntimeError as error:
            reason = " ".join(str(error).split("Stacktrace")[0].split())
            raise PCRError(f"DALI could not make a batch: {reason}") from error
        finally:
            self.wait_seconds += time.perf_counter() - start
        return outputs


def train_batches(source: JpegSource, config: TrainConfig, processes: Processes) -> DaliBatches:
    """What the source reads, with the crops and flips of training."""

    def build(source: JpegSource, **restored: Any) -> Pipeline:
        return pipelines.HybridTrainPipe(
            source, config.crop_size, config.dali_cpu, **_arguments(config, processes), **restored
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
