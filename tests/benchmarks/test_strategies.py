"""What the reproduction trains to compare strategies: trainings that the trainer understands."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from helpers.toy_data import make_folder

from pcr.cli.parser import Parser
from pcr.cli.train import add_arguments, make_config

REPRODUCE = Path(__file__).parents[2] / "benchmarks" / "reproduce"
STAGES = ("merge_classes", "tune", "mix", "schedule")


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A function: the trainings of a stage, of three classes."""
    monkeypatch.syspath_prepend(REPRODUCE)
    settings, strategies = import_module("settings"), import_module("strategies")
    make_folder(tmp_path / "train", 1, ("ant", "bee", "cat"))
    (tmp_path / "out").mkdir()
    found: list[Any] = []
    monkeypatch.setattr(strategies, "train_all", lambda plan, runs, data: found.extend(runs))

    def of(stage: str, setting: str = "FULL") -> list[Any]:
        found.clear()
        plan = settings.Plan(getattr(settings, setting), tmp_path, tmp_path / "out", 1)
        getattr(strategies, stage)(plan)
        return list(found)

    return of


@pytest.mark.parametrize("setting", ["QUICK", "FULL"])
@pytest.mark.parametrize("stage", STAGES)
def test_the_trainer_takes_every_training(
    trainings: Any, training_data: Path, stage: str, setting: str
) -> None:
    parser = Parser()
    add_arguments(parser)
    runs = trainings(stage, setting)
    for run in runs:
        words = [*run.network.flags, "--n_scans", run.fidelity, *run.flags]
        words += [training_data / "pcr", training_data / "val"]
        config = make_config(parser.parse_args([str(word) for word in words]))
        assert str(config.fidelity) == run.fidelity
        assert config.crop_size == run.network.image_size
        assert config.merged(("ant", "bee", "cat")) == tuple(
            dict(run.merged).get(name, name) for name in ("ant", "bee", "cat")
        )
    assert len({run.name for run in runs}) == len(runs)


@pytest.mark.parametrize("stage", STAGES)
def test_every_training_has_one_at_full_fidelity_to_compare_it_with(
    trainings: Any, stage: str
) -> None:
    tables = import_module("tables")
    runs = trainings(stage)
    table = tables.pd.DataFrame(
        {
            "run": run.name,
            "arch": run.network.arch,
            "image_size": run.network.image_size,
            "epochs": run.network.epochs,
            **{"data": run.data, "fidelity": run.fidelity, "way": run.way, "seed": run.seed},
            **{"top_1": 50.0, "MB": 1.0, "correct": "10"},
        }
        for run in runs
    )
    assert sorted(tables.with_full(table)["run"]) == sorted(run.name for run in runs)


def test_neighbours_in_the_alphabet_are_merged(trainings: Any) -> None:
    merged = {run.way: dict(run.merged) for run in trainings("merge_classes")}
    assert merged["2 classes"] == {"ant": "ant+bee", "bee": "ant+bee", "cat": "cat"}
    assert set(merged[""]) == set()
