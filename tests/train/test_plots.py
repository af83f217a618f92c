"""Pictures and a table from metrics files, and one clear line for anything else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from helpers.metrics_files import HEADER, STEPS, epoch_rows, write_run
from PIL import Image

from pcr.cli.command import main
from pcr.errors import FormatError
from pcr.train import history, plots


def write_released_run(path: Path, epochs: int = 3) -> Path:
    """As the paper's code does: rows are numbered, and an epoch's come first, all at iteration 0."""
    rows: list[tuple[int, int, str, float]] = []
    for epoch in range(epochs):
        values = {
            "test_top_5": 60.0 + epoch,
            "test_top_1": 30.0 + epoch,
            "avg_train_loss": 2.0,
            "avg_test_loss": 2.5,
            "train_start_time": 1.7e9 + 10 * epoch,
            "avg_train_time": 0.5,
        }
        rows += [(0, epoch, name, value) for name, value in values.items()]
        rows += [(step, epoch, "data_times", 0.1) for step in range(STEPS)]
    pd.DataFrame(rows, columns=history.COLUMNS).to_csv(path)
    return path


def plot(*arguments: str | Path) -> int:
    """The exit code of `pcr plot`, run in this process."""
    with pytest.raises(SystemExit) as ended:
        main("plot", [str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def row(table: str, label: str) -> list[str]:
    """A run's cells in the summary."""
    (cells,) = [line.split() for line in table.splitlines() if line.split()[:1] == [label]]
    return cells[1:]


def panels(figure: object) -> list[tuple[str, str]]:
    """What each panel shows: its vertical and its horizontal axis."""
    assert isinstance(figure, plots.Figure)
    return [(axis.get_ylabel(), axis.get_xlabel()) for axis in figure.axes]


def test_runs_are_drawn_and_tabled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / "full", 10), write_run(tmp_path / "low", 2)]
    assert plot(*runs, "--out", tmp_path / "new/plots") == 0
    out = capsys.readouterr().out
    assert row(out, "full") == ["10", "12.50", "110.0", "50.0", "50.0", "3", "1"]
    assert row(out, "low") == ["2", "2.50", "102.0", "50.0", "50.0", "3", "1"]
    for name in ("accuracy", "loss", "images_per_second", "n_scans", "waiting"):
        with Image.open(tmp_path / f"new/plots/{name}.png") as picture:
            assert picture.width > 900
            assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 10
        assert f"{name}.png" in out


@pytest.mark.parametrize(("file_format", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_pictures_for_print(tmp_path: Path, file_format: str, start: bytes) -> None:
    run = write_run(tmp_path / "run", epochs=0)
    run.write_text(HEADER + "0,0,images_per_second,12\n")
    assert plot(run, "--out", tmp_path, "--format", file_format) == 0
    (picture,) = [path for path in tmp_path.iterdir() if path.is_file()]
    assert picture.name == f"images_per_second.{file_format}"
    assert picture.read_bytes().startswith(start)


def test_axes_begin_at_zero(tmp_path: Path) -> None:
    runs = history.read_runs([write_run(tmp_path / "run")], ["run"])
    for name, picture in plots.PICTURES.items():
        figure = plots.draw_picture(picture, runs)
        assert figure is not None
        assert all(axis.get_ylim()[0] == 0 for axis in figure.axes), name
        if name == "waiting":  # 2 % look like 2 %
            assert figure.axes[0].get_ylim()[1] == 100


def test_the_released_codes_metrics_are_drawn_without_empty_panels(tmp_path: Path) -> None:
    runs = history.read_runs([write_released_run(tmp_path / "train_data_0.csv")], ["paper"])
    assert runs["test_top_1"].tolist() == [30, 31, 32]
    assert runs["train_seconds"].tolist() == [2, 4, 6]
    assert runs["wait_percent"].tolist() == pytest.approx([20, 20, 20])
    shown = {name: plots.draw_picture(picture, runs) for name, picture in plots.PICTURES.items()}
    assert [name for name, figure in shown.items() if figure] == ["accuracy", "loss", "waiting"]
    assert panels(shown["accuracy"]) == [
        ("top-1 accuracy [%]", "epoch"),
        ("", "training time [s]"),
        ("top-5 accuracy [%]", "epoch"),
        ("", "training time [s]"),
    ]


def test_every_label_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [write_run(tmp_path / name) for name in "ab"]
    assert plot(*runs, "--out", tmp_path, "--labels", "one") == 2
    assert "error: --labels: expected 2 names, one per CSV, found 1" in capsys.readouterr().err


def test_runs_of_one_label_are_seeds_of_one_run(tmp_path: Path) -> None:
    """They share a row of the table and a curve, which stands at the mean of their times and bytes."""
    paths = [write_run(tmp_path / name, scans) for name, scans in (("a", 10), ("b", 2))]
    seeds = history.read_runs(paths, ["both", "both"])
    assert sorted(set(seeds["seed"])) == [0, 1]
    assert sorted(set(seeds["total_bytes"])) == [7.5e6, 15e6, 22.5e6]
    table = history.summary(seeds)
    assert row(table, "both") == ["6", "7.50", "106.0", "50.0", "50.0", "3", "2"]
    apart = history.read_runs(paths, ["a", "b"])
    assert sorted(apart["total_bytes"]) == [2.5e6, 5e6, 7.5e6, 12.5e6, 25e6, 37.5e6]


def test_bytes_read_to_choose_a_fidelity_count(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", rest="0,1,autotune_bytes_read,500000\n")
    table = history.by_epoch(history.read_metrics(run))
    assert table["total_bytes"].tolist() == [12.5e6, 25.5e6, 38e6]
    assert table["train_seconds"].tolist() == [2, 4, 6]
    assert table["wait_percent"].tolist() == pytest.approx([2, 2, 2])


def test_folders_of_the_same_name_are_told_apart() -> None:
    paths = [Path("a/run/train_data_0.csv"), Path("b/run/train_data_0.csv")]
    assert history.folder_labels(paths) == ["a/run", "b/run"]
    assert history.folder_labels(paths[:1]) == ["run"]


def test_a_run_that_is_still_going_or_was_resumed(tmp_path: Path) -> None:
    again = epoch_rows(2, 10, test_top_1=77)  # the epoch was trained once more
    run = write_run(tmp_path / "run", rest=again + "0,3,train_start_time,1.7e9\n0,3,data_ti")
    table = history.summary(history.read_runs([run], ["mine"]))
    assert row(table, "mine") == ["10", "12.50", "110.0", "77.0", "77.0", "3", "1"]


def test_epochs_without_validation(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", rest="0,3,avg_train_loss,1\n")
    table = history.summary(history.read_runs([run], ["mine"]))
    assert row(table, "mine")[3:6] == ["50.0", "50.0", "4"]


def test_an_image_folder_run_and_a_diverged_one(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", epochs=0)
    rows = epoch_rows(0, 10, avg_train_loss="nan", avg_test_loss="inf")
    run.write_text(HEADER + "".join(row + "\n" for row in rows.split("\n") if "n_scans" not in row))
    runs = history.read_runs([run], ["mine"])
    assert row(history.summary(runs), "mine")[0] == "-"
    shown = {name: plots.draw_picture(picture, runs) for name, picture in plots.PICTURES.items()}
    assert shown["loss"] is None and shown["n_scans"] is None
    assert shown["accuracy"] is not None


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
def test_anything_else_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "train_data_0.csv"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=message) as error:
        history.read_metrics(path)
    assert str(path) in str(error.value)


def test_a_missing_file_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plot(tmp_path / "no.csv", "--out", tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"error: {tmp_path / 'no.csv'}: No such file or directory"
    assert not (tmp_path / "out").exists()
