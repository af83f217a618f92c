"""ImageNet's validation set as an ImageFolder."""

import pytest
from helpers.published_datasets import WNIDS, assert_refused, counts, files, make_imagenet, run


@pytest.mark.parametrize("truth", ["devkit", "synsets", "kaggle"])
@pytest.mark.parametrize("folder", ["val", "ILSVRC/Data/CLS-LOC/val", "."])
def test_imagenet_becomes_val(truth, folder, tmp_path):
    wnid_of = make_imagenet(tmp_path / "imagenet", truth=truth, folder=folder)
    assert run("ConvertImageNetVal", tmp_path / "imagenet", tmp_path / "out") == 0
    assert sorted(files(tmp_path / "out")) == sorted(
        f"val/{w}/{name}" for name, w in wnid_of.items()
    )
    sources = files(tmp_path / "imagenet" / folder)
    for path, data in files(tmp_path / "out").items():
        assert data == sources[path.rpartition("/")[2]]


def test_imagenet_splits_when_asked(tmp_path):
    make_imagenet(tmp_path / "imagenet")
    assert (
        run("ConvertImageNetVal", tmp_path / "imagenet", tmp_path / "out", "--test_size", 0.25) == 0
    )
    assert counts(tmp_path / "out") == {
        f"{side}/{wnid}": n for side, n in (("train", 3), ("val", 1)) for wnid in WNIDS
    }


def test_imagenet_names_what_is_missing(tmp_path, capsys):
    root, output = tmp_path / "imagenet", tmp_path / "out"
    make_imagenet(root)
    data = root / "ILSVRC2012_devkit_t12" / "data"
    (data / "meta.mat").rename(root / "kept.mat")
    assert_refused(capsys, run("ConvertImageNetVal", root, output), output, "missing", "meta.mat")
    (root / "kept.mat").rename(data / "meta.mat")
    truth = data / "ILSVRC2012_validation_ground_truth.txt"
    lines = truth.read_text().splitlines()
    truth.write_text("\n".join(lines[:-1]))
    extra = "ILSVRC2012_val_00000012"
    assert_refused(capsys, run("ConvertImageNetVal", root, output), output, str(truth), extra)
    truth.write_text("\n".join([*lines, "1"]))
    extra = "first ILSVRC2012_val_00000013"
    assert_refused(capsys, run("ConvertImageNetVal", root, output), output, "1 of 13", extra)
    truth.write_text("\n".join([*lines[:4], "1001", *lines[5:]]))
    assert_refused(capsys, run("ConvertImageNetVal", root, output), output, "line 5: '1001'")
    truth.unlink()
    assert_refused(capsys, run("ConvertImageNetVal", root, output), output, truth.name, "LOC_val")


@pytest.mark.parametrize(
    ("truth", "name", "old", "new", "words"),
    [
        ("synsets", "synset_labels.txt", "n01440764", "tench", ["'tench'", "ILSVRC2012_val_"]),
        ("synsets", "synset_labels.txt", "n01440764", "../../../x", ["expected a WNID"]),
        ("kaggle", "LOC_val_solution.csv", "ImageId", "Id", ["missing column ImageId"]),
        ("kaggle", "LOC_val_solution.csv", "n01440764 1", "", ["expected a WNID", "'2'"]),
    ],
)
def test_imagenet_refuses_wrong_labels(truth, name, old, new, words, tmp_path, capsys):
    make_imagenet(tmp_path / "imagenet", truth=truth)
    path = tmp_path / "imagenet" / name
    path.write_text(path.read_text().replace(old, new, 1))
    code = run("ConvertImageNetVal", tmp_path / "imagenet", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", str(path), *words)


def test_imagenet_refuses_a_damaged_meta_file(tmp_path, capsys):
    make_imagenet(tmp_path / "imagenet")
    path = tmp_path / "imagenet" / "ILSVRC2012_devkit_t12" / "data" / "meta.mat"
    path.write_bytes(path.read_bytes()[:200])
    code = run("ConvertImageNetVal", tmp_path / "imagenet", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", f"{path}: not a readable MATLAB file")
