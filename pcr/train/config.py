"""Everything that a training run is told, checked once."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pcr.dataset.reader import holds_dataset
from pcr.errors import UsageError
from pcr.storage.location import Location
from pcr.storage.store import open_store
from pcr.train.class_groups import ClassGroups
from pcr.train.epoch_schedule import EpochSchedule
from pcr.train.fidelity import Fidelity

INCEPTION_IMAGE_SIZE = 299
IMAGE_SIZE = 224
RESIZE_RATIO = 256 / 224  # shorter edge before validation's centre crop, relative to the crop

# Parameters with a least value, and those with a choice of values.
LEAST = {
    "workers": 1,
    "batch_size": 1,
    "epochs": 1,
    "start_epoch": 0,
    "print_freq": 1,
    "validate_freq": 1,
    "num_classes": 1,
    "autotune_start": 0,
    "autotune_freq": 1,
    "autotune_batches": 1,
    "autotune_threshold": -1,
    "autotune_patience": 1,
    "autotune_tolerance": 0,
    "lr": 0,
    "momentum": 0,
    "weight_decay": 0,
    "seed": 0,
    "checkpoint_every": 0,
    "local_rank": 0,
    "canonical_streams": 1,
    "concurrent_reads": 1,
}
CHOICES = {
    "loader": ("native", "dali", "auto"),
    "device": ("auto", "cuda", "cpu"),
    "opt_level": ("O0", "O1", "O2", "O3"),
    "amp_backend": ("torch", "apex"),
    "lr_schedule": ("scaled", "paper"),
    "autotune_rule": ("batches", "paper"),
}
SIMILARITY_THRESHOLDS = {"batches": 0.9, "paper": 0.8}
_IN_A_NAME = str.maketrans(":=,", "--_")
SYNTHETIC = ("synthetic_loader", "synthetic_training", "synthetic_model")


@dataclass(frozen=True)
class TrainConfig:
    """The settings of one training run; the names are those of the command's flags."""

    train_dir: Location
    val_dir: Location
    arch: str = "resnet18"
    workers: int = 4
    batch_size: int = 256  # images per process
    epochs: int = 90
    start_epoch: int = 0
    lr: float = 0.1
    lr_schedule: str = "scaled"  # or paper, see `pcr.train.learning_rate`
    momentum: float = 0.9
    weight_decay: float = 1e-4
    print_freq: int = 10  # batches
    validate_freq: int = 1  # epochs
    resume: Path | None = None  # "auto": the last checkpoint of the output folder, if there is one
    checkpoint_every: int = 0  # iterations; 0: only after each epoch
    stop_on_nan: bool = False  # end the run at a loss that is NaN or infinite
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
    seed: int | None = None  # None: a new one for each run; a resumed run keeps its own
    canonical_streams: int | None = None  # of the order of training; None: the processes' number
    prof: bool = False
    synthetic_loader: bool = False
    synthetic_training: bool = False
    synthetic_model: bool = False
    fidelity: Fidelity = field(default_factory=Fidelity)
    autotune_start: int = 5  # epoch
    autotune_freq: int = 15  # epochs
    autotune_batches: int = 10
    autotune_rule: str = "batches"  # or paper, see `pcr.train.autotune`
    autotune_threshold: float | None = None  # cosine similarity; None: that of the rule
    autotune_patience: int = 2  # epochs without progress, for auto:loss
    autotune_tolerance: float = 0.01  # of the loss, for auto:loss
    pcr_train: bool = False  # a PCR dataset or nothing; False: whatever is found
    concurrent_reads: int | None = None  # records; None: 1 from a directory, 8 from a URL
    cache: Path | None = None  # folder that keeps what is fetched from URLs
    cache_limit: str | None = None  # such as 10GB
    device: str = "auto"
    local_rank: int | None = None  # where the environment has no LOCAL_RANK
    image_size: int | EpochSchedule | None = None  # pixels
    num_classes: int | None = None
    class_groups: ClassGroups = field(default_factory=ClassGroups)
    subset: str | None = None  # condition on columns of the training images; None: all of them
    class_balanced: bool = False  # draw each class as often as any other
    output_dir: Path | None = None  # None: as `pcr.train.results.folder` says
    tensorboard: Path | None = None  # folder for event files

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            UsageError: names the parameter, what it takes and what it was given.
        """
        for name, least in LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise UsageError(f"expected {least} or more, found {value}", name)
            if isinstance(value, int) and value > sys.maxsize:
                raise UsageError(f"expected {sys.maxsize} or less, found {value}", name)
        if self.start_epoch >= self.epochs:
            raise UsageError(
                f"expected less than `epochs`, found {self.start_epoch}", "start_epoch"
            )
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise UsageError(f"expected {', '.join(choices)}, found {value}", name)
        sizes = self.image_sizes.changes
        if min(size for _, size in sizes) < 1:
            raise UsageError(f"expected 1 or more, found {self.image_size}", "image_size")
        self._check_dataset()
        chosen = [name for name in SYNTHETIC if getattr(self, name)]
        if len(chosen) > 1:
            raise UsageError(f"cannot be combined with `{chosen[0]}`", chosen[1])
        self._check_precision()

    def _check_dataset(self) -> None:
        chosen = {
            "n_scans": self.fidelity != Fidelity(),
            "subset": self.subset is not None,
            "class_balanced": self.class_balanced,
        }
        for name, is_chosen in chosen.items():
            if is_chosen and not self.trains_on_dataset:
                where = self.train_location
                raise UsageError(f"needs a PCR dataset, found none in {where}", name)

    def _check_precision(self) -> None:
        scale = self.static_loss_scale
        if scale is not None and not scale > 0:
            raise UsageError(f"expected a number above 0, found {scale:g}", "static_loss_scale")
        if self.fp16 and self.opt_level == "O0":
            raise UsageError("cannot be combined with `opt_level='O0'`, which is float32", "fp16")
        if self.bf16 and (self.precision != "O0" or self.amp_backend == "apex"):
            raise UsageError(
                "cannot be combined with `fp16`, `opt_level` O1 to O3 or `amp_backend='apex'`",
                "bf16",
            )
        scaled = scale is not None or self.dynamic_loss_scale
        if self.precision == "O3" and scaled and self.amp_backend == "torch":
            raise UsageError(
                "torch.amp doesn't scale the loss of a model with float16 weights: "
                "leave the loss scale out, or choose O1 or O2 instead of O3",
                "opt_level",
            )

    def validates(self, epoch: int) -> bool:
        """Whether this epoch, counted from 0, ends with a validation."""
        return (epoch + 1) % self.validate_freq == 0 or epoch + 1 >= self.epochs

    @property
    def trains_on_dataset(self) -> bool:
        """Whether the training data is read as a PCR dataset, and not as an ImageFolder."""
        return self.pcr_train or holds_dataset(self.train_dir)

    @property
    def train_location(self) -> str:
        """Where the training data is, fit for messages."""
        return open_store(self.train_dir).location

    @property
    def val_location(self) -> str:
        """Where the validation data is, fit for messages."""
        return open_store(self.val_dir).location

    @property
    def only_measures(self) -> bool:
        """Whether the run is for its speed alone: nothing is validated, and nothing written."""
        return self.prof or any(getattr(self, name) for name in SYNTHETIC)

    @property
    def precision(self) -> str:
        """Apex's name for the formats: O0 (float32, or bfloat16 with bf16) to O3."""
        return self.opt_level or ("O1" if self.fp16 else "O0")

    @property
    def base_seed(self) -> int:
        """The seed that all of the run's random numbers come from."""
        return self.seed or 0

    @property
    def image_sizes(self) -> EpochSchedule:
        """Edge of the images that the model is trained on, in pixels, by epoch."""
        if isinstance(self.image_size, EpochSchedule):
            return self.image_size
        own = INCEPTION_IMAGE_SIZE if self.arch == "inception_v3" else IMAGE_SIZE
        return EpochSchedule(((0, own if self.image_size is None else self.image_size),))

    @property
    def crop_size(self) -> int:
        """Edge of the images in the end, and in validation, in pixels."""
        return self.image_sizes.last

    def merged(self, classes: Sequence[str]) -> tuple[str, ...]:
        """What the classes of the data count as."""
        return self.class_groups.of(classes)

    @property
    def similarity_threshold(self) -> float:
        """The least cosine similarity of gradients, by the rule unless it is given."""
        if self.autotune_threshold is not None:
            return self.autotune_threshold
        return SIMILARITY_THRESHOLDS[self.autotune_rule]

    @property
    def resize_size(self) -> int:
        """Shorter edge of a validation image before its centre is cut out, in pixels."""
        return round(self.crop_size * RESIZE_RATIO)

    @property
    def run_name(self) -> str:
        """``run_<n_scans>_<seed>``: the same for the same settings, so that they can resume a run.

        Images have no levels (``run_images_0``), a seed that isn't given is left out (``run_10``),
        and what `n_scans` has of colons, commas and equals signs is spelled as in
        ``run_0-2_30-5_0`` and ``run_mix-5-0.9_10-0.1_0``.
        """
        levels = str(self.fidelity) if self.trains_on_dataset else "images"
        seed = "" if self.seed is None else f"_{self.seed}"
        return f"run_{levels.translate(_IN_A_NAME)}{seed}"

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for a checkpoint."""
        places = {"train_dir": self.train_location, "val_dir": self.val_location}
        texts = {"fidelity": str(self.fidelity), "image_size": str(self.image_sizes)}
        values = {**asdict(self), **places, **texts}
        return {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}
