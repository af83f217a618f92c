"""Runs of several processes: each image once, one voice, an end for all of them."""

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import torch
from helpers.ranks import run_all, run_well
from helpers.shares import images_of
from helpers.toy_data import make_folder, make_pcr
from helpers.training_runs import rows, values
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr.errors import UsageError
from pcr.imagefolder import ImageFolder, Sample
from pcr.loading.image_files import FileIterator
from pcr.loading.lanes import Division, lanes_of
from pcr.loading.order import EpochOrder
from pcr.loading.rounds import ShareOrder
from pcr.train import checkpoint
from pcr.train.config import TrainConfig
from pcr.train.data import train_batches, validation_batches
from pcr.train.meter import PassMeter
from pcr.train.processes import Processes, choose_device, place

CPU = torch.device("cpu")
TRAIN_IMAGES, VAL_IMAGES = 14, 6
SMALL = [
    "-a",
    "shufflenet_v2_x0_5",
    "-j",
    "1",
    "--image_size",
    "40",
    "--seed",
    "1",
    "--device",
    "cpu",
]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp("processes")
    make_folder(root / "train", TRAIN_IMAGES // 2)
    make_folder(root / "val", VAL_IMAGES // 2, seed=1)
    make_pcr(root / "train", root / "pcr", batch_size=4)
    return root


def identify(images):
    """Each image by its pixels."""
    return [tuple(image.flatten()[::97].tolist()) for image in images]


def config(data, source="pcr", batch_size=3, loader="native"):
    return TrainConfig(
        data / source, data / "val", batch_size=batch_size, workers=1, image_size=40, seed=1,
        pcr_train=source == "pcr", loader=loader,
    )  # fmt: skip


class TestShares:
    """No two processes needed: each rank's share is a function of its number."""

    @settings(max_examples=60, deadline=None)
    @given(
        images=st.integers(1, 1000),
        world_size=st.integers(1, 8),
        batch_size=st.integers(1, 70),
        epoch=st.integers(0, 2),
        shuffle=st.booleans(),
    )
    def test_files_of_all_ranks_are_the_folder_each_once(
        self, images, world_size, batch_size, epoch, shuffle
    ):
        folder = ImageFolder(Path(), ("a",), tuple(Sample(str(i), 0) for i in range(images)))
        ranks = [
            FileIterator(
                folder, batch_size, rank=rank, world_size=world_size, seed=4, shuffle=shuffle
            )
            for rank in range(world_size)
        ]
        assert len({len(rank) for rank in ranks}) == 1
        assert sum(sum(rank.batch_sizes) for rank in ranks) == images
        drawn = Counter(image for rank in ranks for batch in rank.draw(epoch) for image in batch)
        assert drawn == Counter(range(images))

    @pytest.mark.parametrize("world_size", [1, 2, 4])
    @pytest.mark.parametrize("images", [1, 2, 3, 4, 7, 64, 255, 256, 257, 999, 1000])
    def test_records_of_all_ranks_are_the_dataset_each_once(self, images, world_size):
        records = tuple(min(64, images - first) for first in range(0, images, 64))
        drawn, counts = Counter(), set()
        for rank in range(world_size):
            order = EpochOrder(records, seed=3, epoch=1, canonical_streams=world_size)
            division = Division.of(lanes_of(order), world_size, 32, False)
            share, sizes = ShareOrder(order, division.block(rank)), division.batch_sizes(rank)
            assert sum(sizes) == len(share)
            counts.add(len(sizes))
            drawn.update(images_of(share))
        assert len(counts) == 1
        assert drawn == Counter((r, i) for r, size in enumerate(records) for i in range(size))

    @pytest.mark.parametrize("loader", ["native", "dali"])
    @pytest.mark.parametrize("source", ["pcr", "train"])
    @pytest.mark.parametrize("world_size", [1, 2, 3, 5, 8])
    def test_loaders_deliver_each_image_once_and_as_many_batches_on_every_rank(
        self, data, source, world_size, loader
    ):
        seen, counts = [], set()
        for rank in range(world_size):
            settings = config(data, source, loader=loader)
            batches = train_batches(settings, Processes(CPU, rank, world_size))
            assert batches.source.total_images == TRAIN_IMAGES
            for _ in range(2):
                epoch = list(batches)
                counts.add(len(epoch))
                seen += [label for _, labels in epoch for label in labels.tolist()]
            batches.close()
        assert len(counts) == 1
        assert Counter(seen) == {0: TRAIN_IMAGES, 1: TRAIN_IMAGES}  # two epochs of two classes

    @pytest.mark.parametrize("loader", ["native", "dali"])
    def test_more_ranks_than_images(self, data, loader):
        seen, sizes = [], []
        for rank in range(8):
            settings = config(data, loader=loader)
            batches = validation_batches(settings, Processes(CPU, rank, 8))
            for _ in range(2):
                for images, labels in batches:
                    assert images.shape[1:] == (3, 40, 40)
                    assert len(images) == len(labels)
                    sizes.append(len(images))
                    seen += identify(images)
            batches.close()
        assert sizes.count(0) == 2 * (8 - VAL_IMAGES)
        assert set(Counter(seen).values()) == {2}
        assert len(set(seen)) == VAL_IMAGES


class TestEnvironment:
    def test_without_torchrun_there_is_one_process(self):
        assert place({}) == (0, 0, 1)

    def test_a_local_rank_that_is_only_an_argument(self):
        """As torch.distributed.launch passes it."""
        told = {"RANK": "5", "WORLD_SIZE": "8", "MASTER_ADDR": "a", "MASTER_PORT": "1"}
        assert place(told, 1) == (5, 1, 8)
        assert place(told) == (5, 5, 8)
        assert place(told | {"LOCAL_RANK": "2"}, 1) == (5, 2, 8)

    def test_torchruns_variables(self):
        told = {
            "RANK": "5",
            "LOCAL_RANK": "1",
            "WORLD_SIZE": "8",
            "MASTER_ADDR": "a",
            "MASTER_PORT": "1",
        }
        assert place(told) == (5, 1, 8)

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ({"WORLD_SIZE": "2"}, "RANK is not set: use torchrun"),
            ({"WORLD_SIZE": "two"}, "WORLD_SIZE: expected a number from 1, found 'two'"),
            (
                {"WORLD_SIZE": "2", "RANK": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"},
                "RANK: expected less than WORLD_SIZE 2, found 2",
            ),
        ],
    )
    def test_incomplete(self, told, expected):
        with pytest.raises(UsageError, match=expected):
            place(told)

    def test_fewer_gpus_than_processes(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        with pytest.raises(UsageError, match="process 2 of this machine has no GPU: it has 2"):
            choose_device("auto", 2)


def stop_after_a_step(rank):
    """The first process is told to stop in its first step."""
    update, first = PassMeter.update, [rank == 0]

    def stopping(self, *arguments):
        update(self, *arguments)
        if first.count(True):
            first.clear()
            os.kill(os.getpid(), signal.SIGTERM)

    PassMeter.update = stopping


def test_a_run_is_resumed_with_other_numbers_of_processes(data, tmp_path):
    """On two, then on one, then on two again, each time in mid-epoch: each image once."""
    flags = [*SMALL, "-b", 1, "--canonical_streams", 2, "--epochs", "1", "--lr", "0.01"]
    flags += ["--resume", "auto", "--output_dir", tmp_path, "--PCR_train"]
    told = []
    for world_size in (2, 1):
        ranks = run_all(world_size, *flags, data / "pcr", data / "val", prepare=stop_after_a_step)
        assert [code for code, _, _ in ranks] == [143] * world_size, ranks
        told.append(" ".join(ranks[0][1].split()))
    told.append(" ".join(run_well(2, *flags, data / "pcr", data / "val").split()))
    assert "on 1 process instead of 2" in told[1]
    assert "on 2 processes instead of 1" in told[2]
    saved = checkpoint.load(tmp_path / "checkpoint.pth.tar")
    assert saved["summaries"][0]["reading"]["images"] == TRAIN_IMAGES
    for rank in range(2):
        steps = [step for step, _, kind, _ in rows(tmp_path, rank) if kind == "data_times"]
        assert steps == sorted(set(steps))
        assert len(values(tmp_path, "avg_train_loss", rank)) == 1


@pytest.mark.parametrize(("world_size", "batch_size"), [(2, 3), (4, 1)])
def test_processes_train_together(data, tmp_path, world_size, batch_size):
    """With batches of one, two ranks of four end with an empty batch."""
    flags = [*SMALL, "-b", batch_size, "--epochs", "2", "--lr", "0.01", "--output_dir", tmp_path]
    out = run_well(world_size, "--PCR_train", *flags, data / "pcr", data / "val")
    assert f"{world_size} processes" in out
    assert out.count("    2/2     10 ") == 1
    names = [f"train_data_{rank}.csv" for rank in range(world_size)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["checkpoint.pth.tar", "checkpoint_previous.pth.tar", "model_best.pth.tar", *names]
    )
    for kind in ("avg_train_loss", "test_top_1", "bytes_read", "images_per_second"):
        reduced = [values(tmp_path, kind, rank) for rank in range(world_size)]
        assert len(reduced[0]) == 2
        assert all(one == reduced[0] for one in reduced)
    assert values(tmp_path, "data_times") != values(tmp_path, "data_times", 1)


@pytest.mark.parametrize(
    ("n_scans", "most", "score"),
    [
        ("auto", ("--autotune-threshold", "-1"), "autotune_score_1"),
        ("auto:loss", ("--autotune-tolerance", "1000"), "autotune_loss_1"),
    ],
)
def test_processes_choose_the_same_level(data, tmp_path, n_scans, most, score):
    flags = [*SMALL, "-b", "3", "--epochs", "1", "--lr", "0.01", "--output_dir", tmp_path]
    flags += ["--n_scans", n_scans, "--autotune-start", "0", "--autotune-batches", "1", *most]
    run_well(2, "--PCR_train", *flags, data / "pcr", data / "val")
    scores = [values(tmp_path, score, rank) for rank in range(2)]
    assert len(scores[0]) == 1
    assert scores[0] == scores[1]
    assert [values(tmp_path, "n_scans", rank) for rank in range(2)] == [[1], [1]]


def test_processes_validate_what_one_validates(data, tmp_path):
    flags = [*SMALL, "-b", "2", "--output_dir", tmp_path, data / "train", data / "val"]
    run_well(1, *flags, "--epochs", "1")
    alone, together = (run_well(n, *flags, "--evaluate", "--resume", "auto") for n in (1, 2))
    assert alone == together
    assert alone.startswith("test loss ")


def test_a_failing_rank_ends_the_job_with_its_error(data, tmp_path):
    """The second rank finds a broken image; the first does not wait for it for ever."""
    val = make_folder(tmp_path / "val", 2)
    (val / "red" / "001.jpg").write_bytes(b"\xff\xd8 no more of a JPEG")
    first, second = run_all(2, *SMALL, "-b", "2", "--evaluate", data / "train", val)
    assert first[0] == second[0] == 1
    assert f"error: rank 1: {val}/red/001.jpg: " in second[2]
    assert "error: rank 0: lost the other processes of the run" in first[2]


def test_earlier_results_on_one_process_stop_all(data, tmp_path):
    """The folders of several machines need not be the same one."""
    (tmp_path / "train_data_1.csv").write_text("of another run")
    flags = [*SMALL, "-b", "2", "--output_dir", tmp_path, data / "train", data / "val"]
    for rank, (code, _, error) in enumerate(run_all(2, *flags)):
        assert code == 1
        assert f"error: rank {rank}: {tmp_path}/train_data_1.csv: expected no results" in error
    assert (tmp_path / "train_data_1.csv").read_text() == "of another run"
