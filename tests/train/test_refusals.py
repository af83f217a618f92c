"""What the command refuses, each in one line that says what to do."""

from pathlib import Path

import pytest
import torch
from helpers.toy_data import make_folder
from helpers.training_runs import ARCH, SMALL, pcr_run, refusal, train

from pcr.cli.parser import Parser
from pcr.cli.train import add_arguments, make_config
from pcr.train import checkpoint, results

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A run of one epoch."""
    output = tmp_path_factory.mktemp("trained")
    assert train(*pcr_run(data, output), "--epochs", "1") == 0
    return output


def test_no_dataset(data, tmp_path, capsys):
    line = refusal(capsys, 1, "--PCR_train", *SMALL, data / "train", data / "val")
    assert str(data / "train") in line
    line = refusal(capsys, 1, *SMALL, tmp_path / "none", data / "val")
    assert str(tmp_path / "none") in line


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--n_scans", "11"], "between 1 and 10, found 11"),
        (["--fp16"], "--fp16: float16 needs a CUDA GPU"),
        (["-a", "resnet19"], "did you mean resnet18"),
        (["--num_classes", "1"], "--num_classes: expected 2 or more"),
        (["-b", "0"], "--batch-size: expected 1 or more, found 0"),
        (["--lr", "nan"], "--lr: expected 0 or more, found nan"),
        (["--static-loss-scale", "0"], "--static-loss-scale: expected a number above 0"),
        (["--image_size", "32", "-b", "7"], "last batch of one of the 22 images"),
        (["--image_size", "0:32,1:64", "-b", "7"], "can't take at image_size 32"),
        (
            ["--synthetic_model", "--synthetic_loader"],
            "--synthetic_model: cannot be combined with --synth",
        ),
    ],
)
def test_flags(data, capsys, flags, expected):
    run = ["--PCR_train", *SMALL, *flags, data / "pcr", data / "val"]
    assert expected in refusal(capsys, 2, *run)


def test_scans_of_files(data, capsys):
    run = [*SMALL, "--n_scans", "2", data / "train", data / "val"]
    assert "--n_scans: needs a PCR dataset, found none in" in refusal(capsys, 2, *run)


def test_three_folders(data, capsys):
    assert "found 3 locations" in refusal(capsys, 2, data, data, data)


def test_no_gpu(data, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no CUDA GPU" in refusal(capsys, 2, "--device", "cuda", data)


def test_checkpoints(data, trained, tmp_path, capsys):
    run = [*pcr_run(data, tmp_path), "--resume"]
    whole = (trained / checkpoint.LAST_FILE).read_bytes()
    damaged = tmp_path / "damaged"
    for contents in (b"", b"no checkpoint", whole[: len(whole) // 2]):
        damaged.write_bytes(contents)
        assert f"{damaged}: expected a checkpoint" in refusal(capsys, 1, *run, damaged)
    torch.save({"some": "thing"}, damaged)
    assert "found other contents" in refusal(capsys, 1, *run, damaged)
    assert "no such checkpoint" in refusal(capsys, 1, *run, tmp_path / "none")
    other = ["-a", "resnet34", trained / checkpoint.LAST_FILE]
    assert f"found one of {ARCH}" in refusal(capsys, 2, *run, other[2], *other[:2])
    assert "expected the weights" in refusal(
        capsys, 1, *run, trained / checkpoint.LAST_FILE, "--num_classes", "3"
    )


def test_a_checkpoint_runs_no_code(tmp_path, data, capsys):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    torch.save({"model": Evil()}, tmp_path / "evil")
    refusal(capsys, 1, *pcr_run(data, tmp_path), "--resume", tmp_path / "evil")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("loader", "expected"),
    [("native", "red/000.jpg: "), ("dali", "DALI could not make a batch")],
)
def test_a_damaged_image(data, tmp_path, capsys, loader, expected):
    val = make_folder(tmp_path / "val", 2)
    (val / "red" / "000.jpg").write_bytes(b"\xff\xd8 no more of a JPEG")
    run = [*SMALL, "--loader", loader, "--evaluate", data / "train", val]
    assert expected in refusal(capsys, 1, *run)


def test_pretrained_without_a_network(data, capsys, monkeypatch):
    def unreachable(*_arguments, **_options):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", unreachable)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(data / "cache"))
    line = refusal(capsys, 1, "--PCR_train", *SMALL, "--pretrained", data / "pcr", data / "val")
    assert "no route to host" in line
    assert "checkpoints" in line


class TestEarlierResults:
    """A second run never overwrites the first one's metrics and checkpoints."""

    @pytest.mark.parametrize("name", ["train_data_0.csv", "train_data_3.csv", checkpoint.BEST_FILE])
    def test_are_named_and_kept(self, data, tmp_path, capsys, name):
        (tmp_path / name).write_text("of another run")
        line = refusal(capsys, 1, *pcr_run(data, tmp_path))
        assert f"{tmp_path / name}: expected no results of another run" in line
        assert "--resume auto" in line and "another --output_dir" in line
        assert [path.name for path in tmp_path.iterdir()] == [name]
        assert (tmp_path / name).read_text() == "of another run"

    def test_are_not_continued_by_a_checkpoint_from_elsewhere(
        self, data, trained, tmp_path, capsys
    ):
        (tmp_path / "train_data_0.csv").write_text("of another run")
        resume = ["--resume", trained / checkpoint.LAST_FILE]
        line = refusal(capsys, 1, *pcr_run(data, tmp_path), *resume)
        assert "expected no results of another run" in line

    def test_are_not_lost_where_their_checkpoint_is_gone(self, data, trained, tmp_path, capsys):
        """But a run that was killed in its first epoch begins again."""
        metrics = tmp_path / "train_data_0.csv"
        metrics.write_bytes((trained / "train_data_0.csv").read_bytes())
        line = refusal(capsys, 1, *pcr_run(data, tmp_path), "--resume", "auto")
        assert f"{metrics}: expected no results" in line and "its checkpoint is gone" in line
        metrics.write_text("iteration,epoch,type,value\n0,0,data_times,0.1\n")
        assert train(*pcr_run(data, tmp_path), "--epochs", "1", "--resume", "auto") == 0

    def test_are_left_alone_by_what_writes_nothing(self, data, tmp_path):
        (tmp_path / "train_data_0.csv").write_text("of another run")
        for flag in ("--evaluate", "--prof"):
            assert train(*pcr_run(data, tmp_path), flag) == 0
        assert [path.name for path in tmp_path.iterdir()] == ["train_data_0.csv"]
        assert (tmp_path / "train_data_0.csv").read_text() == "of another run"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--PCR_train", "--n_scans", "10", "--seed", "0"], "run_10_0"),
        (["--PCR_train", "--n-scans", "auto"], "run_auto"),
        (["--PCR-train", "--seed", "3"], "run_all_3"),
        (["--PCR_train", "--n_scans", "0:2,30:5", "--seed", "1"], "run_0-2_30-5_1"),
        (["--seed", "4"], "run_images_4"),
        (["--output-dir", "other"], "other"),
        (["--resume", "earlier/model_best.pth.tar", "--seed", "4"], "earlier"),
        (["--resume", "auto", "--seed", "4"], "run_images_4"),
    ],
)
def test_each_kind_of_run_has_a_folder_of_its_own(flags, expected):
    parser = Parser()
    add_arguments(parser)
    assert results.folder(make_config(parser.parse_args([*flags, "data"]))) == Path(expected)
