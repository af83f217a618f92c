"""Labels are matched by the names of classes, whatever the order in which data sets list them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers.toy_data import make_folder, make_pcr
from helpers.training_runs import ALONE, SMALL, config, pcr_run, refusal, train, values

from pcr.conversion.run import convert
from pcr.dataset.reader import Dataset
from pcr.train import autotune, checkpoint, engine
from pcr.train.class_groups import ClassGroups
from pcr.train.classes import labelled
from pcr.train.data import in_memory_batches, train_batches, validation_batches

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def appended(tmp_path_factory):
    """A dataset of blue and red to which amber was appended, and a validation folder of all three."""
    root = tmp_path_factory.mktemp("appended")
    make_pcr(make_folder(root / "train", 4, ("blue", "red")), root / "pcr")
    make_folder(root / "more", 4, ("amber",))
    convert(root / "more", root / "pcr", append=True, progress=False)
    make_folder(root / "val", 2, ("amber", "blue", "red"), seed=1)
    return root


def counted(batches, classes):
    """How many images of each class an epoch has."""
    with torch.no_grad():
        labels = torch.cat([labels for _, labels in batches]).tolist()
    return {name: labels.count(label) for label, name in enumerate(classes)}


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_an_appended_class_that_sorts_first_is_trained_and_resumed(appended, tmp_path, loader):
    assert Dataset(appended / "pcr").classes == ("blue", "red", "amber")
    flags = ["--loader", loader, "--epochs", "1"]
    assert train(*pcr_run(appended, tmp_path), *flags) == 0
    saved = checkpoint.load(tmp_path / checkpoint.LAST_FILE)
    assert saved["classes"] == ("blue", "red", "amber")
    flags = ["--loader", loader, "--epochs", "2", "--resume", "auto"]
    assert train(*pcr_run(appended, tmp_path), *flags) == 0
    assert len(values(tmp_path, "test_top_1")) == 2


@pytest.mark.parametrize("loader", ["native", "dali"])
def test_validation_labels_are_those_of_training(appended, loader):
    settings = config(appended, loader=loader)
    classes = ("blue", "red", "amber")
    batches = validation_batches(settings, ALONE)
    assert batches.source.classes == ("amber", "blue", "red")
    own = [(images, labels) for images, labels in batches]
    named = labelled(batches, classes, settings, ALONE)
    for (images, labels), (same, new) in zip(own, named, strict=True):
        assert torch.equal(images, same)
        assert [classes[i] for i in new] == [batches.source.classes[i] for i in labels]
    named.close()


def test_the_score_does_not_depend_on_the_order_of_the_classes(appended, tmp_path, capsys):
    """A checkpoint's order counts, in training from a folder with another one as well."""
    assert train(*pcr_run(appended, tmp_path / "run"), "--epochs", "1") == 0
    last = tmp_path / "run" / checkpoint.LAST_FILE
    capsys.readouterr()
    scores = []
    flags = [*SMALL, "--evaluate", "--resume", last]
    for train_dir in (["--PCR_train", appended / "pcr"], [appended / "val"]):
        assert train(*flags, *train_dir, appended / "val") == 0
        scores.append(capsys.readouterr().out)
    assert f"top-1 {values(tmp_path / 'run', 'test_top_1')[0]:.2f} %" in scores[0]
    assert scores[0] == scores[1]


def test_training_from_a_folder_keeps_the_order_of_its_checkpoint(appended, tmp_path):
    settings = config(appended, output_dir=tmp_path, epochs=1)
    engine.run(settings)
    folder = {"train_dir": appended / "val", "pcr_train": False}
    state = engine.run(replace(settings, **folder, epochs=2, resume=Path("auto")))
    assert state.classes == ("blue", "red", "amber")
    data = train_batches(replace(settings, **folder), ALONE)
    named = labelled(data, state.classes, settings, ALONE)
    assert counted(named, state.classes) == {"blue": 2, "red": 2, "amber": 2}
    named.close()


def test_gradients_are_compared_with_the_labels_of_the_state(data):
    """A model with its outputs and its classes swapped has the same gradients in its first layer."""
    settings = config(data, "auto", autotune_batches=1)
    held = in_memory_batches(Dataset(data / "pcr"), settings, ALONE, 0, 1)
    first_layer = []
    for classes in (("blue", "red"), ("red", "blue")):
        torch.manual_seed(1)
        state = engine.TrainState.create(settings, classes, ALONE)
        with torch.no_grad():
            state.model.fc.weight.copy_(torch.tensor([1.0, -1.0])[:, None])
        if classes == ("red", "blue"):
            with torch.no_grad():
                for values_by_output in (state.model.fc.weight, state.model.fc.bias):
                    values_by_output.copy_(values_by_output.flip(0))
        (gradient,) = autotune.gradients(state, settings, ALONE, held, 10)
        first_layer.append(gradient[: next(state.model.parameters()).numel()])
    assert torch.allclose(*first_layer, rtol=1e-3)
    assert first_layer[0].abs().sum() > 0


def test_a_class_that_only_validation_has(data, tmp_path, capsys):
    val = make_folder(tmp_path / "val", 1, classes=("blue", "green"))
    line = refusal(capsys, 1, "--PCR_train", *SMALL, data / "pcr", val)
    assert f"{val}: expected only classes of {data / 'pcr'}, found others: green" in line


def test_a_class_that_validation_lacks_is_a_warning(data, tmp_path, capsys):
    val = make_folder(tmp_path / "val", 1, classes=("red",))
    run = [*pcr_run(data, tmp_path / "run")[:-1], val, "--epochs", "1"]
    assert train(*run) == 0
    (line,) = capsys.readouterr().err.splitlines()
    expected = f"warning: {val}: has no images of these classes of {data / 'pcr'}: blue"
    assert line == expected


def test_a_class_that_the_checkpoint_lacks(data, appended, tmp_path, capsys):
    assert train(*pcr_run(data, tmp_path), "--epochs", "1") == 0
    line = refusal(capsys, 1, *pcr_run(appended, tmp_path), "--epochs", "2", "--resume", "auto")
    last = tmp_path / checkpoint.LAST_FILE
    assert f"{appended / 'pcr'}: expected only classes of {last}, found others: amber" in line


def test_merged_classes_count_as_one(data, tmp_path, capsys):
    groups = tmp_path / "groups.csv"
    groups.write_text("class,merged_class\nblue,colour\nred,colour\n")
    run = [*pcr_run(data, tmp_path / "out"), "--merge_classes", groups, "--epochs", "1"]
    assert train(*run) == 0
    state = checkpoint.load(tmp_path / "out" / checkpoint.LAST_FILE)
    assert state["classes"] == ("colour",)
    assert " 1 class," in " ".join(capsys.readouterr().out.split())
    assert train(*run[:-1], "2", "--resume", "auto") == 0
    line = refusal(capsys, 1, *pcr_run(data, tmp_path / "out"), "--epochs", "3", "--resume", "auto")
    assert "expected only classes of" in line and "blue" in line


def test_a_merged_class_that_the_data_lacks(data, tmp_path, capsys):
    groups = tmp_path / "groups.csv"
    groups.write_text("class,merged_class\nblue,cold\nread,warm\n")
    line = refusal(capsys, 2, *pcr_run(data, tmp_path / "out"), "--merge_classes", groups)
    expected = f"--merge_classes: expected only classes of {data / 'pcr'}, found others: read"
    assert expected in line


def test_merged_labels_are_those_of_their_group(data):
    settings = config(data, class_groups=ClassGroups({"blue": "z", "red": "a"}))
    batches = train_batches(settings, ALONE)
    named = labelled(batches, ("a", "z"), settings, ALONE)
    assert counted(named, ("red", "blue")) == counted(batches, batches.source.classes)
    named.close()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "blue,colour\n",
        "class,merged_class\nblue\n",
        "class,merged_class\na,b\na,c\n",
        "class,merged_class\na,\n",
        "class,merged_class\nÿ,b\n",
        f"class,merged_class\na,{'b' * 2**18}\n",
    ],
)
def test_a_file_that_does_not_merge_classes(data, tmp_path, capsys, text):
    groups = tmp_path / "groups.csv"
    groups.write_bytes(text.encode("latin-1"))
    line = refusal(capsys, 1, *pcr_run(data, tmp_path / "out"), "--merge_classes", groups)
    assert f"error: {groups}" in line and "expected" in line
