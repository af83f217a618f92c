"""What the command trains, validates, writes and prints."""

import math
import re
from pathlib import Path

import pytest
import torch
from helpers.toy_data import TRAIN_IMAGES, VAL_IMAGES
from helpers.training_runs import (
    ALONE,
    SMALL,
    config,
    pcr_run,
    rows,
    train,
    values,
)

from pcr.errors import FormatError, UsageError
from pcr.train import checkpoint, engine, model
from pcr.train.config import TrainConfig
from pcr.train.data import train_batches, validation_batches
from pcr.train.epoch import set_learning_rate
from pcr.train.learning_rate import paper_rate, scaled_rate
from pcr.train.log import EPOCH_VALUES, EpochSummary, MetricsFile, MetricsLog
from pcr.train.reading import Reading
from pcr.train.state import TrainState
from pcr.train.synthetic import synthetic_batches

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of two epochs at all levels."""
    output = tmp_path_factory.mktemp("trained")
    assert train(*pcr_run(data, output, lr="0.005"), "--epochs", "2") == 0
    return output


def test_the_metrics_are_complete(data, trained):
    batches = math.ceil(TRAIN_IMAGES / 6)
    for epoch in (0, 1):
        kinds = [name for _, e, name, _ in rows(trained) if e == epoch]
        assert kinds.count("data_times") == batches
        once = {"test_top_1", "test_top_5", "avg_train_loss", "avg_test_loss", "train_start_time",
                "avg_train_time", "images_per_second", "wait_share", "bytes_read", "n_scans",
                "requests", "retries", "read_wait_seconds"}  # fmt: skip
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
        "3",
        "--lr",
        "0.01",
        "--output_dir",
        str(tmp_path),
    ]
    assert train(*flags, *folders) == 0
    assert values(tmp_path, "avg_train_loss")[-1] < 0.7 * math.log(2)
    assert max(values(tmp_path, "test_top_1")) >= 90
    file_bytes = sum(path.stat().st_size for path in (data / "train").rglob("*.jpg"))
    assert values(tmp_path, "bytes_read") == [file_bytes] * 3
    assert values(tmp_path, "n_scans") == []
    out = capsys.readouterr().out
    assert "no CUDA GPU" not in out  # it was told to use the CPU
    assert len(re.findall(r"^ *\d/3 +- ", out, re.M)) == 3


def test_one_folder_stands_for_train_and_val(data, tmp_path):
    flags = [*SMALL, "--prof", "--output_dir", str(tmp_path)]
    assert train(*flags, data) == 0
    assert not (tmp_path / checkpoint.LAST_FILE).exists()


def test_fewer_scans_read_fewer_bytes(data, trained, tmp_path):
    assert train(*pcr_run(data, tmp_path), "--epochs", "1", "--n_scans", "1") == 0
    assert values(tmp_path, "bytes_read")[0] < values(trained, "bytes_read")[0]
    assert values(tmp_path, "n_scans") == [1]


@pytest.mark.parametrize("loader", ["native", "dali"])
@pytest.mark.parametrize("source", ["pcr", "train"])
def test_batches_continue_after_any_batch(data, source, loader):
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
    assert train(*pcr_run(data, trained), "--evaluate", "--resume", best) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert f"top-1 {max(values(trained, 'test_top_1')):.2f} %" in line


def test_the_scaled_learning_rate_keeps_the_papers_proportions():
    def rate(epochs, epoch, step=0):
        return scaled_rate(0.1, epochs, epoch, step, 100)

    assert rate(90, 0) == pytest.approx(0.1 / 500)
    assert rate(90, 4, 99) == pytest.approx(0.1)
    assert rate(90, 29, 99) == pytest.approx(0.1)
    assert rate(90, 30) == pytest.approx(0.01)
    assert rate(90, 60) == pytest.approx(0.001)
    assert rate(90, 80) == pytest.approx(0.0001)
    assert rate(9, 2, 99) == pytest.approx(0.1)
    assert rate(9, 3) == pytest.approx(0.01)
    assert rate(180, 30) == pytest.approx(0.01)


def test_the_papers_learning_rate_depends_on_the_epoch_alone():
    def rate(epoch, step=0):
        return paper_rate(0.1, epoch, step, 100)

    assert rate(0) == pytest.approx(0.1 / 500)
    assert rate(4, 99) == rate(29, 99) == pytest.approx(0.1)
    falls = [epoch for epoch in range(6, 130) if rate(epoch) < rate(epoch - 1, 99)]
    assert falls == [30, 60, 80, 90, 120]
    assert rate(129) == pytest.approx(0.1**6)


def test_the_schedule_is_chosen(data):
    rates = {}
    for name in ("scaled", "paper"):
        state = TrainState.create(config(data), ["a", "b"], ALONE)
        state.epoch = 5
        set_learning_rate(state, config(data, lr=1.0, epochs=9, lr_schedule=name), steps=4)
        rates[name] = state.optimizer.param_groups[0]["lr"]
    assert rates == {"scaled": pytest.approx(0.1), "paper": 1.0}


def test_validation_after_every_nth_epoch_and_the_last(data, tmp_path):
    flags = ["--epochs", "3", "--validate-freq", "2"]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    assert [epoch for _, epoch, kind, _ in rows(tmp_path) if kind == "test_top_1"] == [1, 2]
    assert len(values(tmp_path, "avg_train_loss")) == 3
    assert train(*pcr_run(data, tmp_path), "--epochs", "4", "--resume", "auto") == 0


@pytest.mark.parametrize("flag", ["synthetic_loader", "synthetic_training", "synthetic_model"])
def test_parts_of_training_are_timed_alone(data, tmp_path, flag, capsys, monkeypatch):
    """Without data nothing is read, without training no weight changes, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    settings = config(data, epochs=2, **{flag: True})
    state = engine.run(settings)
    out = capsys.readouterr().out
    assert re.search(
        r"^epoch 2: 22 images, \d+ images/s, \d+\.\d MB/s read, \d+% waiting$", out, re.M
    )
    torch.manual_seed(1)
    fresh = TrainState.create(settings, state.classes, ALONE)
    same = all(
        torch.equal(weight, other)
        for weight, other in zip(state.model.parameters(), fresh.model.parameters(), strict=True)
    )
    assert same == (flag == "synthetic_model")
    assert not list(tmp_path.iterdir())


def test_random_images_are_not_read(data):
    batches = train_batches(config(data), ALONE)
    synthetic = synthetic_batches(batches, config(data, synthetic_loader=True), ALONE)
    sizes = [len(labels) for _, labels in synthetic]
    assert sizes == [6, 6, 6, 4] and len(synthetic) == 4
    assert batches.source.bytes_read == 0


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
    with MetricsLog(MetricsFile(tmp_path)) as log:
        for epoch in range(3):
            log.write(0, epoch, test_top_1=epoch)
    with MetricsLog(MetricsFile(tmp_path, resume_at=(1, 0))) as log:
        log.write(0, 1, test_top_1=7)
        assert values(tmp_path, "test_top_1") == [0, 7]  # before it is closed


@pytest.mark.parametrize("tail", [b"2,0,data_", b"2,0,data_times,0.1", b"\0" * 40, b"\xff,x,\r\n"])
def test_a_damaged_tail_of_a_log_is_cut_with_a_warning(tmp_path, capsys, tail):
    with MetricsLog(MetricsFile(tmp_path)) as log:
        log.write(0, 0, data_times=1)
        log.write(1, 0, data_times=2)
    path = tmp_path / "train_data_0.csv"
    path.write_bytes(path.read_bytes() + tail)
    with MetricsLog(MetricsFile(tmp_path, resume_at=(0, 3))) as log:
        log.write(3, 0, data_times=4)
    assert values(tmp_path, "data_times") == [1, 2, 4]
    assert capsys.readouterr().err == f"{path}: left out damaged rows: 1\n"


def test_another_file_is_not_taken_for_a_log(tmp_path):
    path = tmp_path / "train_data_0.csv"
    path.write_text("name,age\nx,3\n")
    with pytest.raises(FormatError, match="expected rows of iteration,epoch,type,value"):
        MetricsFile(tmp_path, resume_at=(0, 3))
    assert path.read_text() == "name,age\nx,3\n"


def test_the_values_of_an_epoch_are_those_that_come_again():
    summary = EpochSummary(0, 1, 0.5, None, Reading(1, 1.0, 0.0, 1))
    assert summary.values(1).keys() == EPOCH_VALUES


def test_config_is_checked():
    with pytest.raises(UsageError, match="epochs: expected 1 or more, found 0"):
        TrainConfig(Path("a"), Path("b"), epochs=0)
