"""Where a run's batches come from: a PCR dataset or an ImageFolder, decoded by DALI."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from pcr.errors import PCRError, UsageError
from pcr.imagefolder import ImageFolder
from pcr.iterator import PCRIterator
from pcr.train.config import TrainConfig

try:
    from nvidia.dali.pipeline import Pipeline
    from nvidia.dali.plugin.pytorch import DALIGenericIterator, LastBatchPolicy

    from pcr import pipeline as pipelines
except ImportError as error:
    raise PCRError(
        f"NVIDIA DALI is needed to train, and importing it failed ({error}): "
        "install requirements.txt (bash install_python_deps.sh)"
    ) from error

_OUTPUTS = ["images", "labels", "file_bytes"]


class DaliBatches:
    """The `Batches` of a DALI pipeline, which is built when the first epoch begins."""

    def __init__(
        self,
        build: Callable[[dict[str, Any]], Pipeline],
        *,
        num_batches: int,
        num_images: int,
        class_names: list[str],
        device: torch.device,
        pcr_iter: PCRIterator | None = None,
    ) -> None:
        """`build(checkpointing_arguments)` makes the pipeline, which reads from `pcr_iter` if there is one."""
        self.class_names = class_names
        self.num_images = num_images
        self.wait_seconds = 0.0
        self.epoch = 0
        self.batch = 0  # of the epoch, delivered so far
        self._build = build
        self._num_batches = num_batches
        self._device = device
        self._pcr_iter = pcr_iter
        self._file_bytes = 0
        self._restored: bytes | None = None
        self._loader: Any = None
        self._exhausted = False

    def __len__(self) -> int:
        """Batches per epoch."""
        return self._num_batches

    @property
    def n_scans(self) -> int | None:
        """Levels that are read of a PCR dataset."""
        return self._pcr_iter.n_scans if self._pcr_iter else None

    @n_scans.setter
    def n_scans(self, levels: int | None) -> None:
        if self._pcr_iter is None:
            raise UsageError("an ImageFolder has no levels to choose from")
        self._pcr_iter.n_scans = levels

    @property
    def bytes_read(self) -> int:
        """Bytes read of a PCR dataset; of an ImageFolder, the sizes of the files delivered."""
        return self._pcr_iter.bytes_read if self._pcr_iter else self._file_bytes

    def set_epoch(self, epoch: int) -> None:
        """Start with this epoch."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The rest of the epoch: images (N, 3, crop, crop) float32 and labels (N,) int64."""
        self._begin()
        while (outputs := self._next()) is not None:
            self.batch += 1
            labels = outputs["labels"].squeeze(1)
            yield (
                outputs["images"].to(self._device, non_blocking=True),
                labels.to(self._device, torch.int64, non_blocking=True),
            )

    def state_dict(self) -> dict[str, Any]:
        """Epoch, batches delivered in it, and the state of DALI's random operators and reader."""
        pipeline = self._loader.checkpoints()[0] if self._loader is not None else self._restored
        return {"epoch": self.epoch, "batch": self.batch, "pipeline": pipeline}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.epoch, self.batch = state["epoch"], state["batch"]
        self._restored = state["pipeline"]

    def close(self) -> None:
        """Stop reading; DALI's threads end with the pipeline."""
        self._loader = None
        if self._pcr_iter is not None:
            self._pcr_iter.close()

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
        if self._pcr_iter is not None:
            self._pcr_iter.set_epoch(self.epoch, self.batch)
        pipeline = self._build({"enable_checkpointing": True, "checkpoint": self._restored})
        reader: dict[str, Any] = {} if self._pcr_iter else {"reader_name": pipelines.READER_NAME}
        return DALIGenericIterator(
            pipeline,
            _OUTPUTS[: 2 if self._pcr_iter else 3],
            last_batch_policy=LastBatchPolicy.PARTIAL,
            prepare_first_batch=False,  # nothing is read before it is asked for
            **reader,
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
        if "file_bytes" in outputs:
            self._file_bytes += int(outputs["file_bytes"].sum())
        return outputs


def train_batches(config: TrainConfig, device: torch.device) -> DaliBatches:
    """The training data: a PCR dataset with `--PCR_train`, else an ImageFolder."""
    return _pcr_batches(config, device) if config.pcr_train else _folder_batches(config, device)


def _pcr_batches(config: TrainConfig, device: torch.device) -> DaliBatches:
    pcr_iter = PCRIterator(
        config.train_dir, config.batch_size, config.n_scans, seed=config.seed or 0
    )

    def build(restored: dict[str, Any]) -> Pipeline:
        return pipelines.PCRHybridTrainPipe(
            pcr_iter,
            config.crop_size,
            config.dali_cpu,
            **_arguments(config, device),
            **restored,
        )

    return DaliBatches(
        build,
        num_batches=len(pcr_iter),
        num_images=pcr_iter.num_images,
        class_names=list(pcr_iter.class_names),
        device=device,
        pcr_iter=pcr_iter,
    )


def _folder_batches(config: TrainConfig, device: torch.device) -> DaliBatches:
    images = ImageFolder.scan(config.train_dir)

    def build(restored: dict[str, Any]) -> Pipeline:
        return pipelines.HybridTrainPipe(
            *_files(images),
            config.crop_size,
            config.dali_cpu,
            shuffle_seed=config.seed,
            **_arguments(config, device),
            **restored,
        )

    return _of_folder(images, build, config, device)


def validation_batches(config: TrainConfig, device: torch.device) -> DaliBatches:
    """The validation ImageFolder, always in the same order."""
    images = ImageFolder.scan(config.val_dir)

    def build(restored: dict[str, Any]) -> Pipeline:
        return pipelines.HybridValPipe(
            *_files(images),
            config.crop_size,
            config.resize_size,
            config.dali_cpu,
            **_arguments(config, device),
            **restored,
        )

    return _of_folder(images, build, config, device)


def _of_folder(
    images: ImageFolder, build: Any, config: TrainConfig, device: torch.device
) -> DaliBatches:
    return DaliBatches(
        build,
        num_batches=-(-len(images.samples) // config.batch_size),
        num_images=len(images.samples),
        class_names=list(images.class_names),
        device=device,
    )


def _files(images: ImageFolder) -> tuple[list[str], list[int]]:
    """Paths and labels."""
    return (
        [str(images.path(sample)) for sample in images.samples],
        [sample.label for sample in images.samples],
    )


def _arguments(config: TrainConfig, device: torch.device) -> dict[str, Any]:
    """What DALI is told about every pipeline of the run."""
    return {
        "batch_size": config.batch_size,
        "num_threads": config.workers,
        "device_id": (device.index or 0) if device.type == "cuda" else None,
        "seed": config.seed,
    }
