"""Which share a loader takes that is not told: of torch's process group, of a DataLoader's worker."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers.loaders import SIZES, numpy_loader

from pcr.errors import UsageError
from pcr.loading.iterator import PCRIterator
from pcr.loading.ranks import Ranks

torch = pytest.importorskip("torch", reason="of the extra 'train'")

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
BATCHES = """
import sys, torch.distributed as dist
from pcr import PCRIterator
source = PCRIterator(sys.argv[1], 4)
assert len(source) == 8 and source.world_size == 1
dist.init_process_group("gloo")
read = [image for batch in source.read(0) for image in batch.images["number"].tolist()]
print(f"{source.rank} {len(source)} {read}\\n", end="", flush=True)
dist.barrier()
dist.destroy_process_group()
"""


def torchrun(folder: Path, program: str, *arguments: object) -> list[str]:
    """What two processes of a program print."""
    script = folder / "script.py"
    script.write_text(program)
    done = subprocess.run(
        [*TORCHRUN, script, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_ranks_of_torchrun_share_the_dataset(loader_root: Path, tmp_path: Path) -> None:
    ranks = sorted(line.split(maxsplit=2) for line in torchrun(tmp_path, BATCHES, loader_root))
    assert [(rank, count) for rank, count, _ in ranks] == [("0", "4"), ("1", "4")]
    drawn = [image for _, _, images in ranks for image in json.loads(images)]
    assert sorted(drawn) == list(range(sum(SIZES)))


FRAMEWORK = """
import sys, torch, torch.distributed as dist
from pcr import PCRIterator
read = []
class Batches:
    def __init__(self):
        self.source = PCRIterator(sys.argv[1], 4)
    def __iter__(self):
        for batch in self.source.read(0):
            yield batch.images["number"]
"""
LIGHTNING = """
import lightning
class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, images, _):
        read.extend(torch.as_tensor(images).tolist())
        return self.layer(torch.ones(1, 1)).sum()
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
trainer = lightning.Trainer(
    accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, logger=False,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
)
trainer.fit(Model(), Batches())
print(f"{trainer.global_rank} {trainer.num_training_batches} {read}\\n", end="", flush=True)
dist.barrier()
dist.destroy_process_group()
"""
ACCELERATE = """
from accelerate import Accelerator
accelerator = Accelerator(cpu=True)
for images in Batches():
    read += images.tolist()
print(f"{accelerator.process_index} {len(Batches().source)} {read}\\n", end="", flush=True)
dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.parametrize(("name", "loop"), [("lightning", LIGHTNING), ("accelerate", ACCELERATE)])
def test_ranks_of_frameworks_share_the_dataset(
    loader_root: Path, tmp_path: Path, name: str, loop: str
) -> None:
    pytest.importorskip(name)
    lines = [line for line in torchrun(tmp_path, FRAMEWORK + loop, loader_root) if "[" in line]
    ranks = sorted(line.split(maxsplit=2) for line in lines)
    assert [rank for rank, _, _ in ranks] == ["0", "1"]
    drawn = [image for _, _, images in ranks for image in json.loads(images)]
    assert sorted(drawn) == list(range(sum(SIZES)))


class Batches(torch.utils.data.IterableDataset):
    """As docs/guides/loader.md shows it."""

    def __init__(self, source) -> None:
        self.source = source

    def __iter__(self):
        return iter(self.source)


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("rank", [0, 1])
def test_workers_of_a_data_loader_share_the_rank(
    loader_root: Path, workers: int, rank: int
) -> None:
    loader = numpy_loader(loader_root, 4, transform=None, rank=rank, world_size=2)
    alone = numpy_loader(
        loader_root,
        4,
        transform=None,
        rank=rank,
        world_size=2,
        canonical_streams=2 * max(workers, 1),
    )

    def contents(batches) -> Counter[bytes]:
        return Counter(np.asarray(image).tobytes() for images, _ in batches for image in images)

    batches = torch.utils.data.DataLoader(Batches(loader), batch_size=None, num_workers=workers)
    assert contents(batches) == contents(alone)


def test_a_copy_for_a_spawned_worker_keeps_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pickle.loads(pickle.dumps(Ranks(1, 4))) == Ranks(1, 4)
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_rank", lambda: 2)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    copy = pickle.dumps(Ranks())
    monkeypatch.undo()
    assert pickle.loads(copy).of_process() == (2, 3)


@pytest.mark.parametrize("given", [{"rank": 0}, {"world_size": 2}])
def test_a_rank_alone_is_refused(loader_root: Path, given: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="rank: expected both `rank` and `world_size`, or neither"):
        PCRIterator(loader_root, 4, **given)
