"""Damaged checkpoints: each loads exactly what was saved, or is named and the previous one taken."""

import random
from dataclasses import replace

import pytest
import torch
from helpers import damaged_checkpoints as damaged
from helpers.training_runs import ALONE, config

from pcr.errors import FormatError
from pcr.train import checkpoint, engine
from pcr.train.log import EpochSummary
from pcr.train.meter import Scores
from pcr.train.reading import Reading

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def saved(training_data, tmp_path_factory):
    """The settings of a run, and the checkpoint of its first epoch's end."""
    output = tmp_path_factory.mktemp("saved")
    settings = config(training_data, output_dir=output)
    state = engine.TrainState.create(settings, ("blue", "red"), ALONE)
    loss = state.network(torch.zeros(2, 3, 48, 48)).sum()
    state.precision.step(loss, state.optimizer)
    state.end_epoch(EpochSummary(0, 10, 0.7, Scores(0.6, 50.0, 100.0), Reading(22, 1.0, 0.1, 9)))
    data = engine.train_batches(settings, ALONE)
    checkpoint.save(output, state.snapshot(settings, [state.own_snapshot(data.state_dict())]), True)
    data.close()
    return replace(settings, resume=output / checkpoint.LAST_FILE)


@pytest.mark.parametrize("kind", damaged.KINDS)
def test_damage_is_found_or_harmless(saved, tmp_path, kind):
    """tests/stress/checkpoints.py tries thousands."""
    whole, contents = saved.resume.read_bytes(), checkpoint.load(saved.resume)
    rng = random.Random(kind)
    path = tmp_path / checkpoint.LAST_FILE
    outcomes = []
    for _ in range(10):
        damaged.damage(kind, whole, path, rng)
        outcomes.append(damaged.outcome(path, saved.resume, contents))
    assert "fell back" in outcomes


@pytest.mark.parametrize("place", [0.5, 0.999])
def test_a_flipped_bit_of_a_weight_is_found(saved, tmp_path, place):
    data = bytearray(saved.resume.read_bytes())
    weights = data.index(b"/data/9") + 100
    data[weights + int((data.index(b"/data/10", weights) - weights) * place) - 60] ^= 1
    path = tmp_path / "flipped"
    path.write_bytes(data)
    with pytest.raises(FormatError, match="found a damaged file"):
        checkpoint.load(path)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c.update(epoch="1"), "epoch: expected a whole number from 0, found str"),
        (lambda c: c.update(step=-1), "step: expected a whole number from 0, found -1"),
        (lambda c: c.pop("seed"), "seed: missing"),
        (lambda c: c["classes"].__setitem__(1, 5), "classes[1]: expected text, found 5"),
        (lambda c: c["model"].update(x=1), "model.x: expected a tensor, found 1"),
        (lambda c: c["optimizer"].pop("state"), "optimizer.state: missing"),
        (lambda c: c["summaries"][0].update(n=1), "summaries[0].n: unexpected"),
        (
            lambda c: c["summaries"][0]["reading"].update(elapsed_seconds=0),
            "summaries[0].reading.elapsed_seconds: expected a number above 0, found 0",
        ),
        (
            lambda c: c["ranks"][0].update(random={"cpu": [1]}),
            "ranks[0].random.cpu: expected a tensor of bytes, found list",
        ),
        (lambda c: c.update(ranks=7), "ranks: expected a list, found 7"),
    ],
)
def test_contents_of_other_types_are_named(saved, tmp_path, change, expected):
    contents = torch.load(saved.resume, weights_only=True)
    contents["classes"] = list(contents["classes"])
    change(contents)
    path = tmp_path / "other"
    torch.save(contents, path)
    with pytest.raises(FormatError) as refusal:
        checkpoint.load(path)
    assert str(refusal.value).endswith(f"found other contents ({expected})")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c["optimizer"]["state"][0].update(momentum_buffer=torch.zeros(3)),
        lambda c: c["optimizer"]["param_groups"][0].update(momentum="much"),
        lambda c: c["optimizer"]["param_groups"][0].update(params=[0]),
        lambda c: c["optimizer"]["state"].update({10**6: {}}),
        lambda c: c["model"].popitem(),
        lambda c: c["ranks"][0]["random"].update(cpu=torch.zeros(3, dtype=torch.uint8)),
    ],
)
def test_values_that_do_not_fit_are_refused(saved, tmp_path, change):
    """Where they were saved like that they are no damage, and nothing is tried instead."""
    contents = checkpoint.load(saved.resume)
    change(contents)
    checkpoint.save(tmp_path, contents, is_best=False)
    settings = replace(saved, resume=tmp_path / checkpoint.LAST_FILE)
    assert damaged.trial(settings.resume, settings, ALONE) == "refused"


def test_contents_without_an_end_are_damage(saved, tmp_path):
    contents = torch.load(saved.resume, weights_only=True)
    contents["config"]["itself"] = contents["config"]
    path = tmp_path / "other"
    torch.save(contents, path)
    with pytest.raises(FormatError, match="changed after they were saved"):
        checkpoint.load(path)


def test_contents_that_were_changed_are_damage_though_they_would_fit(saved, tmp_path, capsys):
    contents = torch.load(saved.resume, weights_only=True)
    next(iter(contents["model"].values()))[0] += 1
    path = tmp_path / checkpoint.LAST_FILE
    torch.save(contents, path)
    assert checkpoint.load_first([path, saved.resume])[1] == saved.resume
    (line,) = capsys.readouterr().err.splitlines()
    assert "found contents that were changed after they were saved; trying" in line


def test_what_was_saved_is_resumed(saved):
    assert damaged.trial(saved.resume, saved, ALONE) == "resumed"


def test_a_file_that_cannot_be_read_is_a_damaged_one(saved, tmp_path, capsys):
    path = tmp_path / checkpoint.LAST_FILE
    path.symlink_to("/proc/self/mem")  # opens, and reading it fails
    found = checkpoint.load_first([path, saved.resume])
    assert found is not None and found[1] == saved.resume
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{path}: expected a checkpoint")
