import math
import re
import subprocess
from pathlib import Path

import pytest
import torch
from helpers.toy_data import TRAIN_IMAGES, VAL_IMAGES, make_folder
from helpers.training_runs import ALONE, ARCH, SMALL, config, pcr_run, rows, values

from pcr.cli.train import main
from pcr.errors import UsageError
from pcr.train import checkpoint, model
from pcr.train.config import TrainConfig
from pcr.train.data import train_batches, validation_batches
from pcr.train.log import MetricsLog
from pcr.train.schedule import learning_rate

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def data(training_data):
    return training_data


@pytest.fixture(scope="module")
def trained(data):
    """A run of two epochs at all levels."""
    output = data / "trained"
    assert main([*pcr_run(data, output, lr="0.005"), "--epochs", "2"]) == 0
    return output


def error_of(capsys, code, *arguments):
    """The one line in which the command refuses its arguments."""
    capsys.readouterr()
    assert main([*map(str, arguments)]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dali_main.py: error: ")
    return line


def test_the_metrics_are_complete(data, trained):
    batches = math.ceil(TRAIN_IMAGES / 6)
    for epoch in (0, 1):
        kinds = [name for _, e, name, _ in rows(trained) if e == epoch]
        assert kinds.count("data_times") == batches
        once = {"test_top_1", "test_top_5", "avg_train_loss", "avg_test_loss", "train_start_time",
                "avg_train_time", "images_per_second", "wait_share", "bytes_read", "n_scans"}  # fmt: skip
        assert all(kinds.count(kind) == 1 for kind in once)
        assert set(kinds) == once | {"data_times"}
    assert values(trained, "n_scans") == [10, 10]
    assert values(trained, "test_top_5") == [100, 100]
    assert [i for i, e, name, _ in rows(trained) if name == "data_times" and e == 1] == list(
        range(batches)
    )


def test_a_toy_task_is_learned_from_files(data, tmp_path, capsys):
    folders = [str(data / "train"), str(data / "val")]
    flags = [
        *SMALL,
        "-a",
        "resnet18",
        "--epochs",
        "4",
        "--lr",
        "0.01",
        "--output_dir",
        str(tmp_path),
    ]
    assert main([*flags, *folders]) == 0
    assert values(tmp_path, "avg_train_loss")[-1] < 0.7 * math.log(2)
    assert max(values(tmp_path, "test_top_1")) >= 90
    file_bytes = sum(path.stat().st_size for path in (data / "train").rglob("*.jpg"))
    assert values(tmp_path, "bytes_read") == [file_bytes] * 4
    assert values(tmp_path, "n_scans") == []
    out = capsys.readouterr().out
    assert "no CUDA GPU" not in out  # it was told to use the CPU
    assert len(re.findall(r"^epoch \d/4: train loss", out, re.M)) == 4


def test_one_folder_stands_for_train_and_val(data, tmp_path):
    flags = [*SMALL, "--prof", "--output_dir", str(tmp_path)]
    assert main([*flags, str(data)]) == 0
    assert not (tmp_path / checkpoint.LAST_FILE).exists()


def test_fewer_scans_read_fewer_bytes(data, trained, tmp_path):
    assert main([*pcr_run(data, tmp_path), "--epochs", "1", "--n_scans", "1"]) == 0
    assert values(tmp_path, "bytes_read")[0] < values(trained, "bytes_read")[0]
    assert values(tmp_path, "n_scans") == [1]


@pytest.mark.parametrize("loader", ["native", "dali"])
@pytest.mark.parametrize("source", ["pcr", "train"])
def test_batches_go_on_after_any_batch(data, source, loader):
    settings = config(data, pcr_train=source == "pcr", loader=loader)
    settings = TrainConfig(**{**vars(settings), "train_dir": data / source})
    batches = train_batches(settings, ALONE)
    seen, states = [], []
    for _ in range(2):
        for images, labels in batches:
            seen.append((images, labels))
            states.append(batches.state_dict())
    assert sum(len(labels) for _, labels in seen) == 2 * TRAIN_IMAGES
    for position in (0, len(batches) - 1, len(batches)):
        resumed = train_batches(settings, ALONE)
        resumed.load_state_dict(states[position])
        rest: list = []
        while len(rest) < len(seen) - position - 1:
            rest += resumed
        for (images, labels), (expected, expected_labels) in zip(
            rest, seen[position + 1 :], strict=True
        ):
            assert torch.equal(images, expected)
            assert torch.equal(labels, expected_labels)


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_after_a_break_the_next_epoch_begins(data, loader):
    whole, left = (train_batches(config(data, loader=loader), ALONE) for _ in range(2))
    expected = [[labels.tolist() for _, labels in whole] for _ in range(3)]
    for _ in left:
        break
    for epoch in expected[1:]:
        assert [labels.tolist() for _, labels in left] == epoch
    iter(left)
    assert left.epoch == 3


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_validation_counts_each_image_once(data, loader):
    batches = validation_batches(config(data, loader=loader), ALONE)
    for _ in range(2):
        labels = torch.cat([labels for _, labels in batches])
        assert labels.tolist() == [0] * (VAL_IMAGES // 2) + [1] * (VAL_IMAGES // 2)


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_n_scans_can_change_between_epochs(data, loader):
    batches = train_batches(config(data, loader=loader), ALONE)
    taken = []
    for level in (10, 1, 10):
        batches.source.n_scans = level
        before = batches.source.bytes_read
        assert sum(len(labels) for _, labels in batches) == TRAIN_IMAGES
        taken.append(batches.source.bytes_read - before)
    assert taken[0] == taken[2] > taken[1]


def test_evaluate_prints_the_checkpoints_accuracy(data, trained, capsys):
    capsys.readouterr()
    best = trained / checkpoint.BEST_FILE
    assert main([*pcr_run(data, trained), "--evaluate", "--resume", str(best)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert f"top-1 {max(values(trained, 'test_top_1')):.2f} %" in line


def test_learning_rate_follows_the_papers_schedule():
    def rate(epochs, epoch, step=0):
        return learning_rate(0.1, epochs, epoch, step, 100)

    assert rate(90, 0) == pytest.approx(0.1 / 500)
    assert rate(90, 4, 99) == pytest.approx(0.1)
    assert rate(90, 29, 99) == pytest.approx(0.1)
    assert rate(90, 30) == pytest.approx(0.01)
    assert rate(90, 60) == pytest.approx(0.001)
    assert rate(90, 80) == pytest.approx(0.0001)
    assert rate(9, 2, 99) == pytest.approx(0.1)
    assert rate(9, 3) == pytest.approx(0.01)
    assert rate(180, 30) == pytest.approx(0.01)


class TestErrors:
    def test_no_dataset(self, data, tmp_path, capsys):
        line = error_of(capsys, 1, "--PCR_train", *SMALL, data / "train", data / "val")
        assert str(data / "train") in line
        line = error_of(capsys, 1, *SMALL, tmp_path / "none", data / "val")
        assert str(tmp_path / "none") in line

    def test_other_classes(self, data, tmp_path, capsys):
        val = make_folder(tmp_path / "val", 1, classes=("blue", "green"))
        line = error_of(capsys, 1, "--PCR_train", *SMALL, data / "pcr", val)
        assert "only in training: red; only in validation: green" in line

    @pytest.mark.parametrize(
        ("flags", "expected"),
        [
            (["--n_scans", "11"], "between 1 and 10, found 11"),
            (["--fp16"], "--fp16 needs a CUDA GPU"),
            (["-a", "resnet19"], "did you mean resnet18"),
            (["--num_classes", "1"], "--num_classes 1: the data has 2 classes"),
            (["-b", "0"], "-b must be at least 1, not 0"),
            (["--lr", "nan"], "--lr must be at least 0"),
            (["--static-loss-scale", "0"], "--static-loss-scale must be above 0"),
            (["--image_size", "32", "-b", "7"], "last batch of one of the 22 images"),
        ],
    )
    def test_flags(self, data, capsys, flags, expected):
        run = ["--PCR_train", *SMALL, *flags, data / "pcr", data / "val"]
        assert expected in error_of(capsys, 2, *run)

    def test_scans_of_files(self, data, capsys):
        run = [*SMALL, "--n_scans", "2", data / "train", data / "val"]
        assert "--PCR_train" in error_of(capsys, 2, *run)

    def test_three_folders(self, data, capsys):
        assert "found 3 folders" in error_of(capsys, 2, data, data, data)

    def test_no_gpu(self, data, capsys, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert "no CUDA GPU" in error_of(capsys, 2, "--device", "cuda", data)

    def test_checkpoints(self, data, trained, tmp_path, capsys):
        run = [*pcr_run(data, tmp_path), "--resume"]
        whole = (trained / checkpoint.LAST_FILE).read_bytes()
        damaged = tmp_path / "damaged"
        for contents in (b"", b"no checkpoint", whole[: len(whole) // 2]):
            damaged.write_bytes(contents)
            assert f"{damaged}: expected a checkpoint" in error_of(capsys, 1, *run, damaged)
        torch.save({"some": "thing"}, damaged)
        assert "found other contents" in error_of(capsys, 1, *run, damaged)
        assert "no such checkpoint" in error_of(capsys, 1, *run, tmp_path / "none")
        other = ["-a", "resnet34", trained / checkpoint.LAST_FILE]
        assert f"found one of {ARCH}" in error_of(capsys, 2, *run, other[2], *other[:2])
        assert "expected the weights" in error_of(
            capsys, 1, *run, trained / checkpoint.LAST_FILE, "--num_classes", "3"
        )

    def test_a_checkpoint_runs_no_code(self, tmp_path, data, capsys):
        class Evil:
            def __reduce__(self):
                return Path.touch, (tmp_path / "ran",)

        torch.save({"model": Evil()}, tmp_path / "evil")
        error_of(capsys, 1, *pcr_run(data, tmp_path), "--resume", tmp_path / "evil")
        assert not (tmp_path / "ran").exists()

    @pytest.mark.parametrize(
        ("loader", "expected"),
        [("native", "red/000.jpg: "), ("dali", "DALI could not make a batch")],
    )
    def test_a_damaged_image(self, data, tmp_path, capsys, loader, expected):
        val = make_folder(tmp_path / "val", 2)
        (val / "red" / "000.jpg").write_bytes(b"\xff\xd8 no more of a JPEG")
        run = [*SMALL, "--loader", loader, "--evaluate", data / "train", val]
        assert expected in error_of(capsys, 1, *run)

    def test_pretrained_without_a_network(self, data, capsys, monkeypatch):
        def unreachable(*_arguments, **_options):
            raise OSError("no route to host")

        monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
        monkeypatch.setattr(torch.hub, "get_dir", lambda: str(data / "cache"))
        line = error_of(
            capsys, 1, "--PCR_train", *SMALL, "--pretrained", data / "pcr", data / "val"
        )
        assert "no route to host" in line
        assert "checkpoints" in line


def test_pretrained_keeps_what_fits(monkeypatch):
    published = model.create_model("resnet18", 5).state_dict()
    monkeypatch.setattr(
        "torchvision.models.ResNet18_Weights.get_state_dict", lambda *_a, **_k: published
    )
    ours = model.create_model("resnet18", 2, pretrained=True).state_dict()
    assert torch.equal(ours["conv1.weight"], published["conv1.weight"])
    assert ours["fc.weight"].shape == (2, 512)


def test_a_checkpoint_that_fails_leaves_the_old_one(tmp_path):
    (tmp_path / checkpoint.LAST_FILE).write_bytes(b"old")
    with pytest.raises(AttributeError):
        checkpoint.save(tmp_path, {"model": lambda: None}, is_best=True)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.LAST_FILE]
    assert (tmp_path / checkpoint.LAST_FILE).read_bytes() == b"old"


def test_a_resumed_log_drops_the_rows_that_come_again(tmp_path):
    with MetricsLog(tmp_path) as log:
        for epoch in range(3):
            log.write(0, epoch, test_top_1=epoch)
    with MetricsLog(tmp_path, resume_at=(1, 0)) as log:
        log.write(0, 1, test_top_1=7)
        assert values(tmp_path, "test_top_1") == [0, 7]  # before it is closed


def test_config_is_checked():
    with pytest.raises(UsageError, match="--epochs must be at least 1"):
        TrainConfig(Path("a"), Path("b"), epochs=0)


class TestBenchScript:
    def run(self, *arguments, **environment):
        script = ROOT / "dali_imagenet_bench_resnet18.sh"
        return subprocess.run(
            ["bash", script, *arguments],
            env={"PATH": "/usr/bin:/bin", **{k: str(v) for k, v in environment.items()}},
            capture_output=True,
            text=True,
        )

    @pytest.mark.parametrize("arguments", [[], ["ten"], ["0"], ["10", "x"], ["10"]])
    def test_usage(self, tmp_path, arguments):
        done = self.run(*arguments, valdir=tmp_path)
        assert done.returncode == 2
        assert "usage: bash dali_imagenet_bench_resnet18.sh N_SCANS" in done.stderr

    def test_flags(self, data, tmp_path):
        fake = tmp_path / "python3"
        fake.write_text('#!/bin/sh\necho "$@"\n')
        fake.chmod(0o755)
        done = self.run(
            "2", "7", PATH=f"{tmp_path}:/usr/bin:/bin", VIRTUAL_ENV=tmp_path,
            pcr_traindir=data / "pcr", valdir=data / "val", lr="0.4", extra_flags="--image_size 48",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "-b 128 --lr 0.4" in done.stdout
        assert "--n_scans 2 --seed 7" in done.stdout
        assert done.stdout.endswith(f"--image_size 48 {data / 'pcr'} {data / 'val'}\n")
