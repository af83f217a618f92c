"""pcr profile and pcr show: what they write, say and refuse."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from helpers import jpegs, records
from helpers.conversions import (
    PCR,
    fail,
    run,
    succeed,
)
from PIL import Image

from pcr.conversion.run import convert


def test_profile_command_writes_table_and_plot_and_recommends(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (3,))
    out = tmp_path / "new" / "folder"
    result = run(PCR, "profile", dataset.root, "--threshold", "1", "--out", out)
    assert result.returncode == 0, result.stderr
    table = pd.read_csv(out / "profile.csv")
    sufficient = table.loc[table["ms_ssim_mean"] == 1, "level"].min()
    assert f"Start with --n_scans {sufficient}, the lowest level" in result.stdout
    assert f"{out}/profile.csv: this table\n{out}/profile.png: the same" in result.stdout
    assert {"loader_rate", "pillow_rate"} <= set(table.columns)
    lines = result.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines if not line.startswith(str(tmp_path)))
    with Image.open(out / "profile.png") as plot:
        plot.verify()


def test_show_draws_every_level(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (3, 2))
    picture = tmp_path / "levels.png"
    result = run(PCR, "show", dataset.root, "bee/4.jpg", "cat/2.jpg", "--out", picture)
    assert result.returncode == 0, result.stderr
    with Image.open(picture) as drawn:
        assert drawn.width > 4 * drawn.height


def test_earlier_results_are_kept_unless_forced(tmp_path):
    dataset = records.make_dataset(tmp_path / "pcr", (2,))
    for command, file in (
        (("profile", dataset.root, "--sample", 1, "--out", tmp_path), "profile.csv"),
        (("show", dataset.root, "ant/0.jpg", "--out", tmp_path / "a.png"), "a.png"),
    ):
        (tmp_path / file).write_text("mine")
        line = fail(PCR, *command)
        assert (
            line
            == f"error: {tmp_path}/{file}: already exists: --force replaces it, --out writes elsewhere"
        )
        assert (tmp_path / file).read_text() == "mine"
        succeed(PCR, *command, "--force")
        assert (tmp_path / file).read_bytes() != b"mine"


def test_tall_pictures_are_drawn_tall_and_long_names_fit(tmp_path):
    folder, name = tmp_path / "in" / "tower", f"{'x' * 200}$.jpg"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(jpegs.encode(jpegs.photo(40, 80)))
    convert(folder.parent, tmp_path / "pcr", progress=False)
    for levels, wide in ((("--levels", 1), False), ((), True)):
        picture = tmp_path / f"{wide}.png"
        succeed(PCR, "show", tmp_path / "pcr", f"tower/{name}", *levels, "--out", picture)
        with Image.open(picture) as drawn:
            assert (drawn.width > drawn.height) == wide


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["profile", "no/such"], 1, "no/such: expected the directory of a PCR dataset"),
        (["profile", "DATASET", "--threshold", "2"], 2, "--threshold: expected 0 to 1"),
        (["profile", "DATASET", "--seed", "-1"], 2, "--seed: expected 0 or more, found -1"),
        (["profile", "DATASET", "--sample", "0"], 2, "--sample: expected 1 or more"),
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
    result = run(PCR, *placed)
    assert result.returncode == code
    *usage, error = result.stderr.splitlines()
    assert line in error
    assert not usage or usage[0].startswith("usage: ")


@pytest.mark.parametrize("command", [("show", "ant/0.jpg"), ("report",)], ids=" ".join)
def test_nothing_but_a_file_is_replaced(tmp_path, command):
    dataset = records.make_dataset(tmp_path / "pcr", (2,))
    name, *images = command
    out = tmp_path / "x.png"
    os.mkfifo(out)
    line = fail(PCR, name, dataset.root, *images, "--out", out, "--force")
    assert line == f"error: {out}: expected a file to replace, found another kind"
    assert out.is_fifo()


@pytest.mark.parametrize("size", [(200, 40), (40, 30), (40, 120)], ids=["wide", "usual", "tall"])
def test_pictures_fill_the_page(tmp_path, size):
    """One row has no more margin below than above."""
    dataset = records.make_dataset_of(tmp_path / "pcr", [[jpegs.encode(jpegs.photo(*size))]])
    succeed(PCR, "show", dataset.root, "ant/0.jpg", "--levels", 1, 10, "--out", tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as drawn:
        inked = np.flatnonzero((np.asarray(drawn.convert("L")) < 250).any(axis=1))
        assert inked[0] < 15 and drawn.height - 1 - inked[-1] < 15
