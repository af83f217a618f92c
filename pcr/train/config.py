"""Everything that a training run is told, checked once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pcr.errors import UsageError
from pcr.train.fidelity import Fidelity

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
    resume: Path | None = None  # "auto": the last checkpoint of the output folder, if there is one
    checkpoint_every: int = 0  # iterations; 0: only after each epoch
    evaluate: bool = False
    pretrained: bool = False
    fp16: bool = False
    bf16: bool = False
    opt_level: str | None = None  # O0 … O3; None: O1 with fp16, else O0
    amp_backend: str = "torch"
    static_loss_scale: float | None = None
    dynamic_loss_scale: bool = False
    channels_last: bool = False
    compile: bool = False
    loader: str = "auto"  # native or dali; auto: as `pcr.train.data.choose_loader` says
    dali_cpu: bool = False
    seed: int | None = None  # None: a new one for each run, and the old one for a run that goes on
    prof: bool = False
    n_scans: str | None = None  # as `pcr.train.fidelity.Fidelity` reads it
    autotune_start: int = 5  # epoch
    autotune_freq: int = 15  # epochs
    autotune_batches: int = 10
    autotune_threshold: float = 0.9  # cosine similarity
    pcr_train: bool = False
    device: str = "auto"
    image_size: int | None = None
    num_classes: int | None = None
    output_dir: Path = Path()
    tensorboard: Path | None = None  # folder for event files

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
            ("--autotune-start", self.autotune_start, 0),
            ("--autotune-freq", self.autotune_freq, 1),
            ("--autotune-batches", self.autotune_batches, 1),
            ("--autotune-threshold", self.autotune_threshold, -1),
            ("--lr", self.lr, 0),
            ("--momentum", self.momentum, 0),
            ("--weight-decay", self.weight_decay, 0),
            ("--seed", self.base_seed, 0),
            ("--checkpoint-every", self.checkpoint_every, 0),
        ):
            if not value >= least:
                raise UsageError(f"{flag} must be at least {least}, not {value}")
        if self.loader not in ("auto", "native", "dali"):
            raise UsageError(f"--loader must be native, dali or auto, not {self.loader}")
        if self.static_loss_scale is not None and not self.static_loss_scale > 0:
            raise UsageError(f"--static-loss-scale must be above 0, not {self.static_loss_scale:g}")
        self._check_precision()
        if self.n_scans is not None and not self.pcr_train:
            raise UsageError("--n_scans chooses the fidelity of a PCR dataset: add --PCR_train")
        Fidelity.parse(self.n_scans)

    def _check_precision(self) -> None:
        if self.opt_level not in (None, "O0", "O1", "O2", "O3"):
            raise UsageError(f"--opt-level must be O0, O1, O2 or O3, not {self.opt_level}")
        if self.fp16 and self.opt_level == "O0":
            raise UsageError(
                "--fp16 and --opt-level O0 (float32) contradict each other: choose one"
            )
        if self.bf16 and (self.precision != "O0" or self.amp_backend == "apex"):
            raise UsageError(
                "--bf16 goes with neither --fp16, --opt-level O1 … O3 nor --amp-backend apex: choose one"
            )
        scaled = self.static_loss_scale is not None or self.dynamic_loss_scale
        if self.precision == "O3" and scaled and self.amp_backend == "torch":
            raise UsageError(
                "--opt-level O3: torch.amp doesn't scale the loss of a model with float16 weights: "
                "leave the loss scale out, or choose O1 or O2"
            )

    @property
    def fidelity(self) -> Fidelity:
        """The levels to read, by epoch."""
        return Fidelity.parse(self.n_scans)

    def tunes_fidelity(self, epoch: int) -> bool:
        """Whether the fidelity chooses itself before this epoch."""
        since = epoch - self.autotune_start
        return self.fidelity.auto and since >= 0 and since % self.autotune_freq == 0

    @property
    def precision(self) -> str:
        """Apex's name for the formats: O0 (float32, or bfloat16 with --bf16) to O3."""
        return self.opt_level or ("O1" if self.fp16 else "O0")

    @property
    def base_seed(self) -> int:
        """The seed that all of the run's random numbers come from."""
        return self.seed or 0

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
