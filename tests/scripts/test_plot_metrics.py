"""scripts/plot_metrics.py: pictures and a table from metrics files, and one clear line for anything else."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import plot_metrics

HEADER = "iteration,epoch,type,value\n"
STEPS = 4


def epoch_rows(epoch: int, n_scans: int, **changes: float | str) -> str:
    values: dict[str, float | str] = {
        "test_top_1": 30 + 10 * epoch,
        "test_top_5": 60 + 10 * epoch,
        "avg_train_loss": 2 / (epoch + 1),
        "avg_test_loss": 2.5 / (epoch + 1),
        "avg_train_time": 0.5,
        "images_per_second": 100.0 + n_scans,
        "wait_share": 0.02,
        "bytes_read": n_scans * 1_250_000,
        "n_scans": n_scans,
    }
    steps = "".join(f"{step},{epoch},data_times,0.01\n" for step in range(STEPS))
    rows = "".join(f"0,{epoch},{name},{value}\n" for name, value in (values | changes).items())
    return f"0,{epoch},train_start_time,{1.7e9 + 10 * epoch}\n{steps}{rows}"


def write_run(folder: Path, n_scans: int = 10, epochs: int = 3, rest: str = "") -> Path:
    folder.mkdir(parents=True)
    path = folder / "train_data_0.csv"
    path.write_text(HEADER + "".join(epoch_rows(e, n_scans) for e in range(epochs)) + rest)
    return path


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


def plot(*arguments: str | Path) -> Outcome:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            returncode = plot_metrics.main([str(argument) for argument in arguments])
        except SystemExit as stop:
            returncode = int(stop.code or 0)
    return Outcome(returncode, out.getvalue(), err.getvalue())


def test_runs_are_drawn_and_tabled(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / "full", 10), write_run(tmp_path / "low", 2)]
    result = plot(*runs, "--out", tmp_path / "new/plots")
    assert result.returncode == 0, result.stderr
    table = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}
    assert table["full"] == ["10", "12.50", "110.0", "50.0", "50.0", "3", "1"]
    assert table["low"] == ["2", "2.50", "102.0", "50.0", "50.0", "3", "1"]
    for name in ("accuracy", "loss", "images_per_second", "n_scans", "waiting"):
        with Image.open(tmp_path / f"new/plots/{name}.png") as picture:
            assert picture.width > 1000
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10
        assert f"{name}.png" in result.stdout


def test_labels_name_the_runs(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name) for name in "ab"]
    result = plot(*runs, "--out", tmp_path, "--labels", "first", "second")
    assert result.returncode == 0, result.stderr
    assert "first" in result.stdout and "second" in result.stdout

    result = plot(*runs, "--out", tmp_path, "--labels", "one")
    assert result.returncode == 2
    assert "expected 2 names" in result.stderr


def test_runs_of_one_label_are_seeds_of_one_run(tmp_path: Path) -> None:
    """They share a row of the table and a curve, which stands at the mean of their times and bytes."""
    runs = [write_run(tmp_path / name, scans) for name, scans in (("a", 10), ("b", 2))]
    result = plot(*runs, "--out", tmp_path, "--labels", "both", "both")
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[2].split() == [
        "both", "6", "7.50", "106.0", "50.0", "50.0", "3", "2"
    ]  # fmt: skip
    tables = [plot_metrics.by_epoch(plot_metrics.read_metrics(run)) for run in runs]
    seeds = plot_metrics.joined(["both", "both"], tables)
    assert sorted(set(seeds["seed"])) == [0, 1]
    assert sorted(set(seeds["total_bytes"])) == [7.5e6, 15e6, 22.5e6]
    apart = plot_metrics.joined(["a", "b"], tables)
    assert sorted(apart["total_bytes"]) == [2.5e6, 5e6, 7.5e6, 12.5e6, 25e6, 37.5e6]


def test_bytes_read_to_choose_a_fidelity_count(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", rest="0,1,autotune_bytes_read,500000\n")
    table = plot_metrics.by_epoch(plot_metrics.read_metrics(run))
    assert table["total_bytes"].tolist() == [12.5e6, 25.5e6, 38e6]
    assert table["train_seconds"].tolist() == [2, 4, 6]
    assert table["wait_percent"].tolist() == pytest.approx([2, 2, 2])


def test_folders_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    runs = [write_run(tmp_path / name / "run") for name in "ab"]
    result = plot(*runs, "--out", tmp_path)
    assert "a/run" in result.stdout and "b/run" in result.stdout


def test_a_run_that_still_goes_on_or_was_resumed_is_drawn(tmp_path: Path) -> None:
    again = epoch_rows(2, 10, test_top_1=77)  # the epoch was trained once more
    run = write_run(tmp_path / "run", rest=again + "0,3,train_start_time,1.7e9\n0,3,data_ti")
    result = plot(run, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[2].split() == [
        "run",
        "10",
        "12.50",
        "110.0",
        "77.0",
        "77.0",
        "3",
        "1",
    ]


def test_an_image_folder_run_and_a_diverged_one_are_drawn(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", epochs=0)
    rows = epoch_rows(0, 10, avg_train_loss="nan", avg_test_loss="nan")
    run.write_text(HEADER + "".join(row + "\n" for row in rows.split("\n") if "n_scans" not in row))
    result = plot(run, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[2].split()[:2] == ["run", "-"]
    assert not (tmp_path / "loss.png").exists() and not (tmp_path / "n_scans.png").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (b"a,b\n1,2\n", "found a,b"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF" * 9, "expected the columns iteration,epoch,type,value"),
        (HEADER.encode(), "found none yet"),
        (
            (HEADER + epoch_rows(0, 10) + "x,y,z,w\n0,1,n_scans,2\n").encode(),
            "line 16: expected num",
        ),
    ],
)
def test_anything_else_is_one_clear_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train_data_0.csv"
    path.write_bytes(content)
    result = plot(path, "--out", tmp_path / "out")
    assert result.returncode == 1
    assert str(path) in result.stderr and message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_one_clear_line(tmp_path: Path) -> None:
    result = plot(tmp_path / "no.csv")
    assert result.returncode == 1
    assert str(tmp_path / "no.csv") in result.stderr and len(result.stderr.splitlines()) == 1
