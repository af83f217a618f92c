"""The fidelity of each epoch: a number, a schedule, or a choice made by gradients."""

import itertools

import pytest
import torch
from helpers.training_runs import ALONE, config, pcr_run, refusal, rows, train, values

from pcr.dataset.reader import Dataset
from pcr.errors import UsageError
from pcr.loading.in_memory_batches import InMemoryBatches
from pcr.loading.iterator import PCRIterator
from pcr.train import autotune, engine
from pcr.train import data as data_module
from pcr.train.checks import unused_tuning
from pcr.train.fidelity import Fidelity
from pcr.train.loss_probe import probe, probing_epochs, unchanged
from pcr.train.state import TrainState

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("all", [None, None, None]),
        ("7", [7, 7, 7]),
        ("0:2,1:5,60:10", [2, 5, 5]),
        ("0:2, 2:4", [2, 2, 4]),
        ("auto", [None, None, None]),
        ("auto:loss", [None, None, None]),
        ("mix:5=0.9,10=0.1", [None, None, None]),
    ],
)
def test_levels_by_epoch(text, levels):
    plan = Fidelity.parse(text)
    assert [plan.level(epoch) for epoch in range(3)] == levels
    assert plan.auto == text.startswith("auto")
    assert str(plan) == text.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "two",
        "1:2",
        "0:2,5",
        "0:2,30:5,20:10",
        "0:1,0:2",
        "-3",
        "auto:gain",
        "mix:",
        "mix:5",
        "mix:5=0",
        "mix:5=-1,10=2",
        "mix:5=0.5,5=0.5",
        "0:mix:5=1",
    ],
)
def test_a_text_that_is_not_a_fidelity(text):
    with pytest.raises(UsageError, match="n_scans: expected"):
        Fidelity.parse(text)


@pytest.mark.parametrize("mix", ["mix:2=3,10=1", "mix:5=1000000,10=0.00001", "mix:5=.123456789"])
def test_a_mixture_is_written_as_it_was_read(mix):
    plan = Fidelity.parse(mix)
    assert Fidelity.parse(str(plan)) == plan


def test_settings_of_another_choice_are_a_warning(data, tmp_path, capsys):
    flags = ["--epochs", "1", "--n_scans", "5", "--autotune-rule", "paper", "--autotune-start", "5"]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "warning: --autotune-rule has no effect with --n_scans 5"


@pytest.mark.parametrize(
    ("n_scans", "expected"),
    [
        ("auto", ["autotune_tolerance"]),
        ("auto:loss", ["autotune_threshold"]),
        ("mix:5=1,10=1", ["autotune_batches", "autotune_threshold", "autotune_tolerance"]),
    ],
)
def test_settings_that_a_choice_ignores(data, n_scans, expected):
    given = {"autotune_batches": 3, "autotune_threshold": 0.5, "autotune_tolerance": 0.5}
    assert list(unused_tuning(config(data, n_scans, **given))) == expected


def test_tuning_epochs(data):
    def tuned(n_scans):
        settings = config(data, n_scans=n_scans, autotune_start=2, autotune_freq=3)
        state = TrainState.create(settings, ["blue", "red"], ALONE)
        for state.epoch in range(10):
            if engine.tunes_fidelity(state, settings):
                yield state.epoch

    assert list(tuned("auto")) == [2, 5, 8]
    assert not list(tuned("2"))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([], []),
        ([3, 2.5, 2, 1.5, 1], [1]),  # it falls: nothing is probed after the start
        ([3, 2, 1.99, 1.99, 1.5, 1.0], [1, 4]),  # 2 epochs within 1 % of the lowest before them
        ([3, 2, 2, 2, 2, 2, 2], [1, 4, 7]),  # losses count from the last probe on
        ([3, float("nan"), float("nan"), 2, 2], [1]),
    ],
)
def test_levels_are_probed_where_training_stalls(losses, expected):
    assert list(probing_epochs(losses, start=1, patience=2)) == expected


def test_a_schedule_switches_between_epochs(data, tmp_path):
    flags = ["--epochs", "3", "--n_scans", "0:10,1:1,2:10"]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    assert values(tmp_path, "n_scans") == [10, 1, 10]
    first, second, third = values(tmp_path, "bytes_read")
    assert first == third > second


def test_auto_scores_every_level_and_reads_at_its_choice(data, tmp_path, capsys):
    flags = [
        "--n_scans",
        "auto",
        "--autotune-start",
        "1",
        "--autotune-freq",
        "9",
        "--autotune-batches",
        "1",
    ]
    flags += ["--epochs", "3", "--autotune-threshold", "-1"]  # any level will do
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    assert values(tmp_path, "n_scans") == [10, 1, 1]
    scores = {kind: (epoch, value) for _, epoch, kind, value in rows(tmp_path) if "score" in kind}
    assert sorted(scores) == sorted(f"autotune_score_{level}" for level in range(1, 10))
    assert all(epoch == 1 and -1 <= value <= 1 for epoch, value in scores.values())
    assert scores["autotune_score_9"][1] > scores["autotune_score_1"][1]
    assert values(tmp_path, "autotune_bytes_read")[0] > 0
    assert "similarity of gradients to full fidelity: 1: " in capsys.readouterr().out


def test_auto_stays_at_full_fidelity_where_no_level_is_similar(data, tmp_path):
    flags = ["--n_scans", "auto", "--autotune-start", "0", "--autotune-batches", "1"]
    flags += ["--epochs", "1", "--autotune-threshold", "1.1"]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    assert values(tmp_path, "n_scans") == [10]


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_comparing_gradients_disturbs_nothing(data, loader):
    settings = config(data, n_scans="auto", autotune_batches=1, loader=loader)
    state = TrainState.create(settings, ["blue", "red"], ALONE)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    random = torch.get_rng_state()
    first = autotune.tune(state, settings, ALONE, Dataset(data / "pcr"))
    again = autotune.tune(state, settings, ALONE, Dataset(data / "pcr"))
    assert first == again
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in state.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert all(weight.grad is None for weight in state.model.parameters())


def test_a_level_equal_to_full_fidelity_scores_one(data, monkeypatch):
    """With every level read as the last one, all gradients are the same."""
    settings = config(data, autotune_batches=1)
    state = TrainState.create(settings, ["blue", "red"], ALONE)
    gradients = autotune.gradients
    monkeypatch.setattr(autotune, "gradients", lambda *a: gradients(*a[:4], 10))
    tuning = autotune.tune(state, settings, ALONE, Dataset(data / "pcr"))
    assert list(tuning.scores.values()) == pytest.approx([1.0] * 9)
    assert tuning.level == 1


def test_comparing_reads_few_records_once(data):
    """Two batches of 6 lie in two records of 8, which are read once for all levels."""
    settings = config(data, autotune_batches=2)
    in_memory = data_module.in_memory_batches(Dataset(data / "pcr"), settings, ALONE, 0, 2)
    records = sorted(record.prefix_bytes[10] for record in Dataset(data / "pcr").records)
    assert in_memory.bytes_read in {sum(pair) for pair in itertools.combinations(records, 2)}
    state = TrainState.create(settings, ["blue", "red"], ALONE)
    assert (
        autotune.tune(state, settings, ALONE, Dataset(data / "pcr")).bytes_read
        == in_memory.bytes_read
    )


def test_a_score_is_the_mean_of_the_batches_cosines():
    one, other = torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.0])
    assert [float(x) for x in autotune.similarity(one, other)] == pytest.approx([0.5**0.5, 1])
    assert [float(x) for x in autotune.similarity(one * torch.inf, other)] == [0, 1]
    empty = torch.zeros(2)
    assert [float(x) for x in autotune.similarity(empty, empty)] == [0, 0]


@pytest.mark.parametrize("level", [1, 2, 5, 10])
def test_batches_in_memory_are_what_reading_at_the_level_gives(data, level):
    read = PCRIterator(data / "pcr", 6, level, seed=3)
    expected = list(itertools.islice(read.read(1), 3))
    in_memory = InMemoryBatches(PCRIterator(data / "pcr", 6, seed=3), 1, 3)
    for in_memory.n_scans in (10, level):
        batches = list(in_memory.read(1))
    assert list(in_memory.sizes(1)) == [6, 6, 6] and in_memory.n_scans == level
    for batch, other in zip(batches, expected, strict=True):
        assert batch.images["number"].tolist() == other.images["number"].tolist()
        assert [one.tobytes() for one in batch.jpegs] == [one.tobytes() for one in other.jpegs]


def test_levels_are_checked_before_training(data, capsys):
    line = refusal(capsys, 2, *pcr_run(data, data / "none"), "--n_scans", "0:2,5:11")
    assert "--n_scans: expected a level between 1 and 10, found 11" in line


def test_a_resumed_run_keeps_the_chosen_level(data, tmp_path):
    settings = {"n_scans": "auto", "autotune_start": 0, "autotune_freq": 9, "autotune_batches": 1,
                "autotune_threshold": -1.0, "output_dir": tmp_path}  # fmt: skip
    engine.run(config(data, epochs=1, **settings))
    engine.run(config(data, epochs=2, resume=tmp_path / "checkpoint.pth.tar", **settings))
    assert values(tmp_path, "n_scans") == [1, 1]


def test_the_papers_rule_compares_sums_at_four_levels(data):
    settings = config(data, n_scans="auto", autotune_batches=2, autotune_rule="paper")
    state = TrainState.create(settings, ["blue", "red"], ALONE)
    tuning = autotune.tune(state, settings, ALONE, Dataset(data / "pcr"))
    assert list(tuning.scores) == [1, 2, 5]
    held = data_module.in_memory_batches(Dataset(data / "pcr"), settings, ALONE, 0, 2)
    low, full = (sum(autotune.gradients(state, settings, ALONE, held, k)) for k in (2, 10))
    expected = torch.cosine_similarity(low.double(), full.double(), dim=0)
    assert tuning.scores[2] == pytest.approx(float(expected))
    assert tuning.level == min((k for k, s in tuning.scores.items() if s > 0.8), default=10)


def test_a_probe_disturbs_nothing(data):
    settings = config(data, n_scans="auto:loss", autotune_batches=1)
    state = TrainState.create(settings, ["blue", "red"], ALONE)
    before = {name: value.clone() for name, value in state.model.state_dict().items()}
    random = torch.get_rng_state()
    first, again = (probe(state, settings, ALONE, Dataset(data / "pcr")) for _ in range(2))
    assert first == again and sorted(first.scores) == list(range(1, 11))
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in state.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not state.optimizer.state_dict()["state"]


def test_a_probe_learns_at_each_level_from_the_same_weights(data):
    """At full fidelity its loss is that of a step taken by hand."""
    settings = config(data, n_scans="auto:loss", autotune_batches=1)
    state = TrainState.create(settings, ["blue", "red"], ALONE)
    loss = probe(state, settings, ALONE, Dataset(data / "pcr")).scores[10]
    with unchanged(state), autotune.undisturbed(state.model, settings.base_seed):
        learned, judged = (
            data_module.in_memory_batches(Dataset(data / "pcr"), settings, ALONE, epoch, 1)
            for epoch in (0, 1)
        )
        for images, labels in autotune.batches_at(10, learned, state, settings, ALONE):
            torch.nn.functional.cross_entropy(state.model(images), labels).backward()
        state.optimizer.step()
        for images, labels in autotune.batches_at(10, judged, state, settings, ALONE):
            expected = torch.nn.functional.cross_entropy(state.model(images), labels)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)


def test_a_run_that_chooses_by_loss(data, tmp_path, capsys):
    flags = ["--n_scans", "auto:loss", "--autotune-start", "1", "--autotune-batches", "1"]
    flags += ["--autotune-tolerance", "1000", "--epochs", "2"]  # any level will do
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    assert values(tmp_path, "n_scans") == [10, 1]
    losses = {kind for *_, kind, _ in rows(tmp_path) if kind.startswith("autotune_loss_")}
    assert losses == {f"autotune_loss_{level}" for level in range(1, 11)}
    assert "loss after a probe: 1: " in capsys.readouterr().out


def test_a_run_at_a_mixture_of_levels(data, tmp_path):
    flags = ["--n_scans", "mix:1=0.5,10=0.5", "--epochs", "2"]
    assert train(*pcr_run(data, tmp_path), *flags) == 0
    assert values(tmp_path, "n_scans") == [5.5, 5.5]
    low, full = (sum(r.prefix_bytes[k] for r in Dataset(data / "pcr").records) for k in (1, 10))
    assert all(low <= read <= full for read in values(tmp_path, "bytes_read"))


def test_a_mixture_with_a_level_that_the_data_lacks(data, tmp_path, capsys):
    line = refusal(capsys, 2, *pcr_run(data, tmp_path), "--n_scans", "mix:5=1,11=1")
    assert "--n_scans: expected a level between 1 and 10, found 11" in line
