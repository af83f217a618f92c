"""Where a run's batches come from: a PCR dataset or an ImageFolder, decoded by DALI."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pcr.errors import PCRError, UsageError
from pcr.files import FileIterator
from pcr.imagefolder import ImageFolder
from pcr.iterator import PCRIterator
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

try:
    from nvidia.dali.pipeline import Pipeline
    from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

    from pcr import pipeline as pipelines
except ImportError as error:
    raise PCRError(
        f"NVIDIA DALI is needed to train, and importing it failed ({error}): "
        "install requirements.txt (bash install_python_deps.sh)"
    ) from error

Source = PCRIterator | FileIterator


class DaliBatches:
    """The `Batches` of a DALI pipeline, which is built when the first epoch begins."""

    def __init__(
        self,
        source: Source,
        build: Callable[..., Pipeline],
        num_images: int,
        device: torch.device,
    ) -> None:
        """`build(source, **checkpointing_arguments)` makes the pipeline; `num_images` are those of all ranks."""
        self.class_names = list(source.class_names)
        self.num_images = num_images
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
        return self._source.n_scans if isinstance(self._source, PCRIterator) else None

    @n_scans.setter
    def n_scans(self, levels: int | None) -> None:
        if not isinstance(self._source, PCRIterator):
            raise UsageError("an ImageFolder has no levels to choose from")
        self._source.n_scans = levels

    @property
    def levels(self) -> int | None:
        """Levels that a PCR dataset has."""
        return self._source.levels if isinstance(self._source, PCRIterator) else None

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
        return {"epoch": self.epoch, "batch": self.batch, "pipeline": pipeline}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
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


def train_batches(config: TrainConfig, processes: Processes) -> DaliBatches:
    """This process's share of the training data: a PCR dataset with `--PCR_train`, else an ImageFolder."""
    share: dict[str, Any] = {
        "rank": processes.rank,
        "world_size": processes.world_size,
        "seed": config.base_seed,
    }
    source: Source
    if config.pcr_train:
        source = PCRIterator(config.train_dir, config.batch_size, **share)
        num_images = len(source.dataset)
    else:
        source = FileIterator(ImageFolder.scan(config.train_dir), config.batch_size, **share)
        num_images = len(source.images.samples)

    def build(source: Source, **restored: Any) -> Pipeline:
        return pipelines.HybridTrainPipe(
            source, config.crop_size, config.dali_cpu, **_arguments(config, processes), **restored
        )

    return DaliBatches(source, build, num_images, processes.device)


def validation_batches(config: TrainConfig, processes: Processes) -> DaliBatches:
    """This process's share of the validation ImageFolder, always in the same order."""
    images = ImageFolder.scan(config.val_dir)

    def build(source: Source, **restored: Any) -> Pipeline:
        return pipelines.HybridValPipe(
            source,
            config.crop_size,
            config.resize_size,
            config.dali_cpu,
            **_arguments(config, processes),
            **restored,
        )

    source = FileIterator(
        images,
        config.batch_size,
        rank=processes.rank,
        world_size=processes.world_size,
        shuffle=False,
    )
    return DaliBatches(source, build, len(images.samples), processes.device)


def _arguments(config: TrainConfig, processes: Processes) -> dict[str, Any]:
    """What DALI is told about every pipeline of the run; each process draws its own crops."""
    device = processes.device
    return {
        "batch_size": config.batch_size,
        "num_threads": config.workers,
        "device_id": device.index if device.type == "cuda" else None,
        "seed": config.base_seed + processes.rank,
    }
