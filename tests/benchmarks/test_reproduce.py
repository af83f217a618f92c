"""The reproduction of the paper's experiments: its stages, and what is drawn from their tables."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from helpers import records

from pcr.errors import UsageError

REPRODUCE = Path(__file__).parents[2] / "benchmarks" / "reproduce"
ORIGIN = {"date": "2026-01-01", "commit": "80e3709", "machine": "a machine"}
TINY = """
import sys
from pathlib import Path
sys.path.insert(0, {folder!r})
import runpy
from settings import Network, Plan, Setting
main = runpy.run_path({folder!r} + "/__main__.py", run_name="reproduce")
network = Network("shufflenet_v2_x0_5", 32, epochs=1, seeds=1, batch_size=4)
setting = Setting("tiny", (network,), network, network, sample=2, rounds=1, levels={{"standard": (10,)}},
                  static_qualities=(50,))
plan = Plan(setting, Path(sys.argv[1]), Path(sys.argv[2]), 1)
for _ in range(2):
    main["run"](plan, ["levels", "accuracy"])
    print([path.read_bytes() for path in sorted(plan.out.glob("*.csv"))], file=sys.stderr)
"""


def write(path: Path, rows: list[dict[str, object]]) -> None:
    pd.DataFrame([row | ORIGIN for row in rows]).to_csv(path, index=False)


def run_row(data: str, fidelity: str, seed: int, correct: str) -> dict[str, object]:
    share = correct.count("1") / len(correct)
    name = f"net-{data}-{fidelity}-{seed}"
    return {
        **{"run": name, "stage": "accuracy", "arch": "net", "image_size": 64, "epochs": 2},
        **{"data": data, "fidelity": fidelity, "way": "", "seed": seed, "top_1": 100 * share},
        **{"MB": 10.0 * int(fidelity), "correct": correct},
    }


@pytest.fixture
def reproduce(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(REPRODUCE)


@pytest.mark.usefixtures("reproduce")
def test_differences_are_paired_by_seed_and_image() -> None:
    runs = pd.DataFrame(
        [
            *(run_row("standard", "10", seed, "1100" * 25) for seed in (0, 1)),
            *(run_row("standard", "5", seed, "1100" * 25) for seed in (0, 1)),
            run_row("standard", "1", 0, "1000" * 25),
            run_row("standard", "1", 1, "1000" * 25),
        ]
    )
    table = import_module("tables").differences(runs).set_index("levels")
    assert table.loc["5", "from full fidelity"] == 0
    assert table.loc["5", "±"] == 0  # the same images are recognised
    assert table.loc["1", "from full fidelity"] == -25
    assert 5 < table.loc["1", "±"] < 10  # 1.97 × 0.43 / √100, if the seeds agree
    assert table.loc["1", "bytes"] == 0.1


@pytest.mark.usefixtures("reproduce")
def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    paired_difference = import_module("intervals").paired_difference
    random = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        of_seeds, of_images = random.normal(0, 2, (5, 1)), random.normal(0, 10, 60)
        mean, half = paired_difference(of_seeds + of_images + random.normal(0, 40, (5, 60)))
        covered.append(abs(mean) <= half)
    assert 0.92 <= np.mean(covered) <= 0.98


@pytest.mark.usefixtures("reproduce")
def test_the_levels_that_decide_have_more_seeds() -> None:
    network = import_module("settings").Network("net", 32, 1, seeds=2, decisive_seeds=4)
    counts = {
        (name, level): len(network.seeds_of(name, level))
        for name in ("standard", "images")
        for level in ("10", "5", "2", "")
    }
    assert {kind for kind, count in counts.items() if count == 4} == {
        ("standard", "10"),
        ("standard", "5"),
    }
    assert set(counts.values()) == {2, 4}


@pytest.mark.usefixtures("reproduce")
def test_one_seed_has_no_interval() -> None:
    mean, half = import_module("intervals").paired_difference(np.array([[100.0, 0.0]]))
    assert mean == 50
    assert np.isnan(half)


@pytest.mark.usefixtures("reproduce")
def test_every_ladder_is_compared_with_full_fidelity_of_standard() -> None:
    rows = [run_row("standard", "10", 0, "10"), run_row("bitplane", "6", 0, "11")]
    rows.append(run_row("standard", "10", 0, "00") | {"epochs": 9, "run": "longer"})
    table = import_module("tables").differences(pd.DataFrame(rows)).set_index("data")
    assert table.loc["bitplane", "from full fidelity"] == 50
    assert table.loc["bitplane", "bytes"] == 0.6


@pytest.mark.usefixtures("reproduce")
def test_time_counts_until_full_fidelity_is_reached() -> None:
    runs, epochs = [], []
    for fidelity, pace, accuracies in (("10", 10, (20, 40, 50)), ("5", 4, (30, 50, 60))):
        run = run_row("standard grain", fidelity, 0, "1")
        runs.append(run | {"way": "20 MB/s", "stage": "limited"})
        epochs += [
            {"run": run["run"], "epoch": n, "train_seconds": pace * n, "total_MB": n}
            | {"test_top_1": accuracy}
            for n, accuracy in enumerate(accuracies, 1)
        ]
    table = import_module("tables").times(pd.DataFrame(runs), pd.DataFrame(epochs))
    assert list(table["seconds to 50.00 %"]) == [30, 8]
    assert list(table["of full fidelity's"]) == [1, 0.4]


@pytest.mark.usefixtures("reproduce")
def test_rows_that_are_added_leave_the_others_as_they_were(tmp_path: Path) -> None:
    results, tables = import_module("results"), import_module("tables")
    texts = ["0011" * 200, "1100" * 200, ""]
    for text in texts:
        results.add_rows(tmp_path / "runs.csv", [{"correct": text, "top_1": 1 / 3}])
    table = tables.read(tmp_path / "runs.csv")
    assert list(table["correct"]) == texts
    assert list(table["top_1"]) == [1 / 3] * 3


@pytest.mark.usefixtures("reproduce")
def test_tables_and_figures_need_the_csvs_alone(tmp_path: Path) -> None:
    levels = (1, 5, 10)
    runs = [
        run_row("standard", str(k), s, "1" * k + "0" * (20 - k)) for k in levels for s in (0, 1)
    ]
    write(tmp_path / "runs.csv", runs)
    epochs = [
        {"run": row["run"], "epoch": e, "train_seconds": e, "total_MB": 5 * e, "test_top_1": 50}
        for row in runs
        for e in (1, 2)
    ]
    write(tmp_path / "epochs.csv", epochs)
    level = {"ladder": "standard", "mean_bytes": 1000.0, "share": 0.5, "ms_ssim_p10": 0.5}
    rows = [level | {"level": k, "ms_ssim_mean": 0.9 + k / 100} for k in levels]
    write(tmp_path / "levels.csv", rows)
    kl = [level | {"level": k, "arch": "net", "image_size": 64, "kl_mean": 1 / k} for k in levels]
    write(tmp_path / "divergence.csv", [row | {"ms_ssim_mean": 1, "same_class": 1} for row in kl])
    rates = {"ladder": "standard", "reader": "warm", "images_per_second": 10.0}
    write(
        tmp_path / "rates.csv",
        [rates | {"level": k, "mean_bytes": 100.0 * k} for k in levels],
    )
    import_module("figures").draw_all(tmp_path)
    text = import_module("tables").write_tables(tmp_path)
    for name in ("accuracy.png", "similarity.png", "rates.png"):
        assert (tmp_path / name).stat().st_size > 1000
    assert "Measured on 2026-01-01, commit 80e3709, on a machine." in text
    assert "| net, 64 px, 2 epochs | standard | 5 | 2 | 25.0 | 0.5 |" in text


@pytest.mark.usefixtures("reproduce")
def test_a_run_that_was_stopped_between_its_tables_is_in_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, settings = import_module("runs"), import_module("settings")
    network = settings.Network("net", 32, 1, 1)
    plan = settings.Plan(settings.QUICK, tmp_path, tmp_path, 1)
    run = runs.Run("accuracy", network, "standard", "10", 0)
    monkeypatch.setattr(runs, "train", lambda *_: None)
    monkeypatch.setattr(runs, "epochs", lambda *_: pd.DataFrame({"epoch": [1], "run": [run.name]}))
    stopped = patch.object(runs, "outcome", side_effect=KeyboardInterrupt)
    with stopped, pytest.raises(KeyboardInterrupt):
        runs.train_all(plan, [run], {"standard": tmp_path})
    monkeypatch.setattr(runs, "outcome", lambda *_: {"run": run.name, "top_1": 50.0})
    for _ in range(2):
        runs.train_all(plan, [run], {"standard": tmp_path})
    for name in ("epochs.csv", "runs.csv"):
        assert list(pd.read_csv(tmp_path / name)["run"]) == [run.name]


@pytest.mark.usefixtures("reproduce")
def test_a_folder_holds_one_setting(tmp_path: Path) -> None:
    levels, settings = import_module("levels"), import_module("settings")
    for split in ("train", "test"):
        (tmp_path / "images" / split).mkdir(parents=True)
    quick, full = (
        settings.Plan(replace(setting, levels={}), tmp_path / "images", tmp_path / "out", 1)
        for setting in (settings.QUICK, settings.FULL)
    )
    levels.prepare(quick)
    with pytest.raises(UsageError, match="expected measurements of --full, found --quick's"):
        levels.prepare(full)


@pytest.mark.usefixtures("reproduce")
def test_images_need_a_split_that_is_held_out(tmp_path: Path) -> None:
    levels, settings = import_module("levels"), import_module("settings")
    (tmp_path / "train").mkdir()
    for images in (tmp_path, tmp_path / "train", tmp_path / "missing"):
        with pytest.raises(UsageError, match=f"{images}: expected a folder with train/"):
            levels.prepare(settings.Plan(settings.QUICK, images, tmp_path / "out", 1))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_stages_measure_and_are_not_repeated(tmp_path: Path) -> None:
    for number, data in enumerate(records.sources(8)):
        split = ("train", "train", "validation", "test")[number // 2]
        folder = tmp_path / "images" / split / f"class{number % 2}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.jpg").write_bytes(data)
    command = [sys.executable, "-c", TINY.format(folder=str(REPRODUCE))]
    words = [tmp_path / "images", tmp_path / "out"]
    done = subprocess.run([*command, *words], check=True, capture_output=True, text=True)
    first, second = done.stderr.strip().splitlines()[-2:]
    assert first == second
    runs = pd.read_csv(tmp_path / "out" / "runs.csv", dtype=str)
    assert list(runs["data"]) == ["standard", "images"]
    assert set(runs["correct"].str.len()) == {4}
    results = pd.read_csv(tmp_path / "out" / "conversion.csv")["result"]
    assert list(results) == ["PCR standard", "TFRecord", "copy at quality 50"]
