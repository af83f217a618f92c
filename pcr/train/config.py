"""Everything that a training run is told, checked once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pcr.errors import UsageError

INCEPTION_IMAGE_SIZE = 299
IMAGE_SIZE = 224
RESIZE_RATIO = 256 / 224  # shorter edge before validation's centre crop, relative to the crop


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one training run; the names are those of the command's flags."""

    train_dir: Path
    val_dir: Path
    arch: str = "resnet18"
    workers: int = 4
    batch_size: int = 256  # images per process
    epochs: int = 90
    start_epoch: int = 0
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 1e-4
    print_freq: int = 10  # batches
    resume: Path | None = None
    evaluate: bool = False
    pretrained: bool = False
    fp16: bool = False
    static_loss_scale: float | None = None
    dynamic_loss_scale: bool = False
    dali_cpu: bool = False
    seed: int | None = None  # None: a new one for each run, and the old one for a run that goes on
    prof: bool = False
    n_scans: int | None = None  # None: all levels of the dataset
    pcr_train: bool = False
    device: str = "auto"
    image_size: int | None = None
    num_classes: int | None = None
    output_dir: Path = Path()

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: names the flag, what it takes and what it was given.
        """
        for flag, value, least in (
            ("-j", self.workers, 1),
            ("-b", self.batch_size, 1),
            ("--epochs", self.epochs, 1),
            ("--start-epoch", self.start_epoch, 0),
            ("--print-freq", self.print_freq, 1),
            ("--image_size", self.crop_size, 1),
            ("--num_classes", 1 if self.num_classes is None else self.num_classes, 1),
            ("--lr", self.lr, 0),
            ("--momentum", self.momentum, 0),
            ("--weight-decay", self.weight_decay, 0),
            ("--seed", self.seed or 0, 0),
        ):
            if not value >= least:
                raise UsageError(f"{flag} must be at least {least}, not {value}")
        if self.static_loss_scale is not None and not self.static_loss_scale > 0:
            raise UsageError(f"--static-loss-scale must be above 0, not {self.static_loss_scale:g}")
        if self.n_scans is not None and not self.pcr_train:
            raise UsageError("--n_scans chooses the fidelity of a PCR dataset: add --PCR_train")

    @property
    def crop_size(self) -> int:
        """Edge of the images that the model sees, in pixels."""
        if self.image_size is not None:
            return self.image_size
        return INCEPTION_IMAGE_SIZE if self.arch == "inception_v3" else IMAGE_SIZE

    @property
    def resize_size(self) -> int:
        """Shorter edge of a validation image before its centre is cut out, in pixels."""
        return round(self.crop_size * RESIZE_RATIO)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for a checkpoint."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }
