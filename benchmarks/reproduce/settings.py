"""What a reproduction measures: quickly, or in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

FULL_LEVEL = 10  # of all ladders, and the same images in all
LADDER = "standard"  # the paper's
CLASSES = " classes"  # ends the way of runs whose classes were merged
IMAGES = "images"  # instead of a ladder: the files themselves
BANDWIDTH_MB_PER_S = 20
LIMITED = f"{BANDWIDTH_MB_PER_S} MB/s"  # the way of runs that read over a limited network
GRAIN = " grain"  # ends the data of runs on images to which grain was added
LEVELS = {LADDER: (1, 2, 5, FULL_LEVEL), "vision": (1, 2, 5, 8)}  # of each ladder, to train at
RECOMMENDED = {LADDER: 5, "vision": 8}


@dataclass(frozen=True)
class Network:
    """An architecture of torchvision, how it is trained from scratch, and how often.

    seeds: of each kind of training. decisive_seeds: of full fidelity and the recommended levels, if
    more, so that their difference is known better. precision: flags of the trainer.
    """

    arch: str
    image_size: int
    epochs: int
    seeds: int
    decisive_seeds: int = 0
    precision: tuple[str, ...] = ()
    lr: float = 0.05
    batch_size: int = 64

    @property
    def flags(self) -> list[str]:
        """Those of the trainer."""
        return [
            *("-a", self.arch, "--image_size", str(self.image_size), "--epochs", str(self.epochs)),
            *("--lr", str(self.lr), "-b", str(self.batch_size)),
            *self.precision,
        ]

    def seeds_of(self, data: str, fidelity: str) -> range:
        """The seeds to train a ladder's level, or the images themselves, with."""
        decisive = {
            (LADDER, str(FULL_LEVEL)),
            *((n, str(level)) for n, level in RECOMMENDED.items()),
        }
        return range(max(self.seeds, self.decisive_seeds * ((data, fidelity) in decisive)))


@dataclass(frozen=True)
class Setting:
    """How much is measured."""

    name: str
    networks: tuple[Network, ...]  # of the stage `accuracy`
    limited: Network  # of the stage `limited`
    short: Network  # of the stages that compare strategies
    sample: int  # images whose levels are measured
    rounds: int  # of reading at each level
    levels: Mapping[str, tuple[int, ...]] = field(default_factory=lambda: LEVELS)
    coarse_levels: tuple[int, ...] = (1, 5, FULL_LEVEL)  # with merged classes
    static_levels: tuple[int, ...] = (2, 5)  # of `standard`, whose bytes re-encoded images have
    static_qualities: tuple[int, ...] = (90, 75, 50, 25)  # of the copies that a PCR stands for


BRIEFLY = Network("shufflenet_v2_x0_5", 64, epochs=2, seeds=1)
QUICK = Setting(
    "quick",
    (BRIEFLY,),
    limited=BRIEFLY,
    short=BRIEFLY,
    sample=40,
    rounds=1,
    levels={LADDER: (1, 5, FULL_LEVEL), "vision": (1, 8)},
    coarse_levels=(1, FULL_LEVEL),
    static_levels=(5,),
    static_qualities=(50,),
)
FULL = Setting(
    "full",
    (
        Network("shufflenet_v2_x0_5", 64, epochs=40, seeds=5, decisive_seeds=16),
        Network(
            "resnet18",
            64,
            epochs=20,
            seeds=5,
            decisive_seeds=7,
            precision=("--bf16", "--channels-last"),
        ),
    ),
    limited=Network("shufflenet_v2_x0_5", 64, epochs=40, seeds=3),
    short=Network("shufflenet_v2_x0_5", 64, epochs=20, seeds=3),
    sample=200,
    rounds=5,
)


@dataclass(frozen=True)
class Plan:
    """A setting, the images, and the folder that everything goes to."""

    setting: Setting
    images: Path  # with train/ and one or more other splits, each an ImageFolder
    out: Path
    jobs: int

    @property
    def train(self) -> Path:
        """The images to train on."""
        return self.images / "train"

    @property
    def held_out(self) -> Path:
        """The images of all other splits together, as links."""
        return self.out / "held_out"

    @property
    def datasets(self) -> Path:
        """The folder of all PCR datasets."""
        return self.out / "datasets"

    def dataset(self, ladder: str) -> Path:
        """The training images as a PCR dataset."""
        return self.datasets / ladder

    def other_splits(self) -> Iterator[Path]:
        """The folders of images that are not trained on."""
        return (p for p in sorted(self.images.glob("*")) if p.is_dir() and p.name != "train")
