"""HAM10000 as an ImageFolder."""

import shutil
from pathlib import Path

import pytest
from helpers.published_datasets import assert_refused, counts, files, make_ham, run


def test_cancer_keeps_lesions_whole_and_classes_in_proportion(tmp_path):
    lesion_of = make_ham(tmp_path / "ham", lesions_per_class=20)
    assert run("ConvertCancer", tmp_path / "ham", tmp_path / "out", "--test_size", 0.25) == 0
    sides = {side: {lesion_of[Path(p).stem] for p in files(tmp_path / "out" / side)}
             for side in ("train", "val")}  # fmt: skip
    assert not sides["train"] & sides["val"]
    assert {len(names) for names in sides.values()} == {45, 15}
    for diagnosis in ("nv", "mel", "bkl"):
        assert sum(name.startswith(f"HAM_{diagnosis}") for name in sides["val"]) == 5
        for path in files(tmp_path / "out"):
            if f"/{diagnosis}/" in path:
                assert lesion_of[Path(path).stem].startswith(f"HAM_{diagnosis}")


def test_cancer_split_by_image_is_exact_and_splits_lesions(tmp_path):
    lesion_of = make_ham(tmp_path / "ham", lesions_per_class=20)
    options = ("--test_size", 0.25, "--split_by", "image")
    assert run("ConvertCancer", tmp_path / "ham", tmp_path / "out", *options) == 0
    train, val = (files(tmp_path / "out" / side) for side in ("train", "val"))
    assert len(val) == len(lesion_of) // 4 + (len(lesion_of) % 4 > 0)
    assert {lesion_of[Path(p).stem] for p in train} & {lesion_of[Path(p).stem] for p in val}


def test_cancer_reads_dataverse_and_doubled_kaggle_layouts(tmp_path):
    make_ham(tmp_path / "kaggle")
    dataverse = tmp_path / "dataverse"
    shutil.copytree(tmp_path / "kaggle", dataverse)
    text = (dataverse / "HAM10000_metadata.csv").read_text()
    (dataverse / "HAM10000_metadata.csv").unlink()
    rows = ["\t".join(f'"{cell}"' for cell in row.split(",")) for row in text.splitlines()]
    (dataverse / "HAM10000_metadata.tab").write_text("\n".join(rows))
    for part in (1, 2):  # Kaggle's archive holds each part twice
        name = f"HAM10000_images_part_{part}"
        shutil.copytree(tmp_path / "kaggle" / name, tmp_path / "kaggle" / name.lower())
    assert run("ConvertCancer", tmp_path / "kaggle", tmp_path / "a", "--use_softlink") == 0
    assert run("ConvertCancer", dataverse, tmp_path / "b") == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("lesion_id,", "lesion,", ["missing column lesion_id"]),
        ("image_id", "image", ["missing column image_id"]),
        (",dx,", ",diagnosis,", ["missing column dx"]),
        (",nv,", ",,", ["no dx"]),
        ("ISIC_0024307", "ISIC_0024306", ["ISIC_0024306", "twice"]),
    ],
)
def test_cancer_names_the_metadata_fault(old, new, words, tmp_path, capsys):
    make_ham(tmp_path / "ham")
    metadata = tmp_path / "ham" / "HAM10000_metadata.csv"
    metadata.write_text(metadata.read_text().replace(old, new, 1))
    code = run("ConvertCancer", tmp_path / "ham", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", str(metadata), *words)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,"b\n', b"\n\n"])
def test_cancer_refuses_damaged_metadata(content, tmp_path, capsys):
    make_ham(tmp_path / "ham")
    (tmp_path / "ham" / "HAM10000_metadata.csv").write_bytes(content)
    code = run("ConvertCancer", tmp_path / "ham", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "HAM10000_metadata.csv")


def test_cancer_without_metadata(tmp_path, capsys):
    make_ham(tmp_path / "ham")
    (tmp_path / "ham" / "HAM10000_metadata.csv").unlink()
    code = run("ConvertCancer", tmp_path / "ham", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "missing HAM10000_metadata.csv or ")


def test_a_class_with_one_lesion_cannot_be_split(tmp_path, capsys):
    make_ham(tmp_path / "ham", lesions_per_class=1)
    code = run("ConvertCancer", tmp_path / "ham", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "class bkl", "2 independent images")
    assert run("ConvertCancer", tmp_path / "ham", tmp_path / "out", "--test_size", 0) == 0
    assert counts(tmp_path / "out") == {"train/bkl": 1, "train/mel": 1, "train/nv": 1}


def test_a_split_without_all_classes_on_both_sides_is_refused(tmp_path, capsys):
    make_ham(tmp_path / "ham")
    code = run("ConvertCancer", tmp_path / "ham", tmp_path / "out", "--test_size", 0.05)
    assert_refused(capsys, code, tmp_path / "out", "--test_size 0.05")
