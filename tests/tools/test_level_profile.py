"""``pcr profile``, ``pcr show`` and the benchmark of ladders: what they write, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from helpers import jpegs, records
from PIL import Image

from pcr import jpeg
from pcr.errors import DatasetError
from pcr.ladder import Ladder
from pcr.tools.level_profile import named_images, profile_levels, to_baseline

ROOT = Path(__file__).parents[2]


def run(*command: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, text=True, check=False, cwd=ROOT
    )


def test_profile_counts_bytes_against_baseline_jpegs(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (4, 3))
    table = profile_levels(dataset, images=100, tries=1)
    full = [image.tobytes() for record in dataset.records for image in record.read(10)]
    baseline = sum(len(to_baseline(data)) for data in full)
    assert list(table["level"]) == list(range(1, 11))
    assert set(table["ladder"]) == {"standard"}
    assert table["mean_bytes"].iloc[-1] == pytest.approx(sum(map(len, full)) / 7)
    assert table["relative_bytes"].iloc[-1] == pytest.approx(sum(map(len, full)) / baseline)
    assert table["ms_ssim_mean"].iloc[-1] == 1
    assert (table["decode_rate"] > 0).all()


def test_baseline_decodes_to_the_same_pixels():
    progressive = jpeg.transcode(records.sources(1)[0], Ladder.load("standard").scripts).tobytes()
    baseline = to_baseline(progressive)
    assert not jpeg.header(baseline).progressive
    assert (jpegs.decode(baseline) == jpegs.decode(progressive)).all()


def test_profile_command_writes_table_and_plot_and_recommends(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (3,))
    out = tmp_path / "new" / "folder"
    result = run("-m", "pcr", "profile", dataset.root, "--threshold", "1", "--out", out)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(out / "profile.csv")
    sufficient = table.loc[table["ms_ssim_mean"] == 1, "level"].min()
    assert f"--n_scans {sufficient} is the lowest level" in result.stdout
    with Image.open(out / "profile.png") as plot:
        plot.verify()


def test_show_draws_every_level(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (3, 2))
    picture = tmp_path / "levels.png"
    result = run("-m", "pcr", "show", dataset.root, "bee/4.jpg", "cat/2.jpg", "--out", picture)
    assert result.returncode == 0, result.stderr
    with Image.open(picture) as drawn:
        assert drawn.width > 4 * drawn.height
    (name, levels), _ = named_images(dataset, ["bee/4.jpg", "cat/2.jpg"])
    assert name == "bee/4.jpg"
    assert levels == [dataset.records[1].read(level)[1].tobytes() for level in range(1, 11)]


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["profile", "no/such"], 1, "no/such: expected the directory of a PCR dataset"),
        (["profile", "DATASET", "--threshold", "2"], 2, "--threshold: expected 0 to 1"),
        (["profile", "DATASET", "--sample", "0"], 2, "--sample: expected at least 1"),
        (["show", "DATASET", "ant/9.jpg"], 1, "expected an image 'ant/9.jpg'"),
        (["show", "DATASET", "ant/0.jpg", "--out", "a.xyz"], 2, "found a.xyz"),
        (
            ["show", "DATASET", "ant/0.jpg", "--out", "no/such/a.png"],
            1,
            "error: no/such/a.png: No such file or directory",
        ),
    ],
)
def test_mistakes_are_one_line(tmp_path, arguments, code, line):
    records.make_dataset(tmp_path / "pcr", (2,))
    placed = [tmp_path / "pcr" if word == "DATASET" else word for word in arguments]
    result = run("-m", "pcr", *placed)
    assert result.returncode == code
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_show_of_an_unknown_name_where_the_first_record_is_empty(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (0, 1))
    with pytest.raises(DatasetError, match=r"'ant/9\.jpg', found others as 'ant/0\.jpg'"):
        named_images(dataset, ["ant/9.jpg"])
    empty = records.make_dataset(tmp_path / "empty", (0,))
    with pytest.raises(DatasetError, match="found none at all"):
        named_images(empty, ["ant/9.jpg"])


def test_benchmark_measures_any_ladder_on_a_folder(tmp_path):
    images, out = tmp_path / "images" / "class", tmp_path / "out"
    images.mkdir(parents=True)
    for number, data in enumerate(records.sources(3)):
        (images / f"{number}.JPEG").write_bytes(data)
    mine = tmp_path / "mine.txt"
    mine.write_text("0,1,2: 0-0, 0, 0;\n0: 1-63, 0, 0;\n1: 1-63, 0, 0;\n2: 1-63, 0, 0;\n")
    command = ("benchmarks/ladders.py", images.parent, "--ladders", "bitplane", mine)
    result = run(*command, "--tries", "1", "--out", out)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(out / "ladders.csv")
    assert table.groupby("ladder").size().to_dict() == {"bitplane": 10, "mine": 4}
    assert (out / "ladders.md").read_text() in result.stdout
    missing = run("benchmarks/ladders.py", tmp_path / "out", "--ladders", "bitplane")
    assert missing.returncode == 1
    assert "expected JPEGs" in missing.stderr
