"""The dataset converters, on miniatures of the layouts in which the datasets are published."""

import importlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

SCRIPTS = Path(__file__).resolve().parents[1] / "DatasetConversion"
sys.path.insert(0, str(SCRIPTS))
conversion = importlib.import_module("conversion")
published = importlib.import_module("published")

CAR_NAMES = ["AM General Hummer SUV 2000", "Ram C/V Cargo Van Minivan 2012", "smart fortwo 2012"]
WNIDS = ["n01440764", "n01443537", "n01484850"]


def save_image(path, seed=0, image_format="JPEG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format=image_format)


def run(script, root, output, *options):
    """Call a converter's main() and return its exit code."""
    main = importlib.import_module(script).main
    return main(["--dataset_root", str(root), "--output_root", str(output), *map(str, options)])


def run_as_user(script, root, output, *options):
    arguments = ["--dataset_root", root, "--output_root", output, *map(str, options)]
    return subprocess.run(
        [sys.executable, SCRIPTS / f"{script}.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def files(folder):
    """Map path relative to `folder` to bytes, for every file."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")
            if p.is_file()}  # fmt: skip


def counts(output):
    """Map "train/<class>" to its number of images."""
    return Counter(path.rpartition("/")[0] for path in files(output))


def assert_refused(capsys, code, output, *words):
    """One error line with all `words`, exit code 1, and no trace of an output."""
    lines = capsys.readouterr().err.splitlines()
    assert code == 1
    assert len(lines) == 1, lines
    assert ": error: " in lines[0]
    for word in words:
        assert word in lines[0]
    assert not output.exists()
    assert not list(output.parent.glob(".*.partial"))


# Miniatures


def make_ham(root, lesions_per_class=10):
    """Lesions with one to three images each, in the two parts; returns lesion by image_id."""
    rows, lesion_of, number = ["lesion_id,image_id,dx,dx_type,age,sex,localization"], {}, 24306
    for diagnosis in ("nv", "mel", "bkl"):
        for index in range(lesions_per_class):
            for _ in range(1 + index % 3):
                image_id, lesion = f"ISIC_{number:07d}", f"HAM_{diagnosis}{index:04d}"
                part = root / f"HAM10000_images_part_{1 + number % 2}"
                save_image(part / f"{image_id}.jpg", number)
                rows.append(f"{lesion},{image_id},{diagnosis},histo,80.0,male,scalp")
                lesion_of[image_id] = lesion
                number += 1
    (root / "HAM10000_metadata.csv").write_text("\n".join(rows) + "\n")
    return lesion_of


def save_annotations(path, names, classes):
    fields = [(f"bbox_{c}", "O") for c in ("x1", "y1", "x2", "y2")]
    rows = np.zeros((1, len(names)), dtype=[*fields, ("class", "O"), ("fname", "O")])
    for index, (name, class_id) in enumerate(zip(names, classes, strict=True)):
        rows[0, index] = (1, 1, 5, 5, class_id, name)
    savemat(path, {"annotations": rows})


def make_cars(root, devkit="devkit", images="cars_train", per_class=10):
    (root / devkit).mkdir(parents=True)
    class_names = np.array(CAR_NAMES, dtype=object).reshape(1, -1)
    savemat(root / devkit / "cars_meta.mat", {"class_names": class_names})
    names = [f"{n:05d}.jpg" for n in range(1, per_class * 3 + 1)]
    classes = [1 + n % 3 for n in range(len(names))]
    save_annotations(root / devkit / "cars_train_annos.mat", names, classes)
    for number, name in enumerate(names):
        save_image(root / images / name, number)
    return {name: CAR_NAMES[c - 1] for name, c in zip(names, classes, strict=True)}


def make_celeb(root, count=20, name="{idx:05d}.jpg", folder="data1024x1024"):
    """CelebA's two text files as published (aligned columns) and the HQ images; returns smiles."""
    originals = [120_000 - 7 * idx for idx in range(count)]
    attributes = [str(count + 1), "5_o_Clock_Shadow Smiling Young "]
    attributes.append("000001.jpg -1  1  1")  # a face of CelebA that is not in CelebA-HQ
    images, smiles = ["idx         orig_idx    orig_file   proc_md5  final_md5"], {}
    for idx, original in enumerate(originals):
        smile = 1 if idx % 2 else -1
        attributes.append(f"{original:06d}.jpg  1 {smile:2d} -1")
        images.append(f"{idx:<12d}{original - 1:<12d}{original:06d}.jpg  0be7  d76e")
        file = name.format(idx=idx, one_based=idx + 1, original=original)
        save_image(root / folder / file, idx)
        smiles[file] = "Smiling" if smile == 1 else "Not_Smiling"
    (root / "list_attr_celeba.txt").write_text("\n".join(attributes) + "\n")
    (root / "image_list.txt").write_text("\n".join(images) + "\n")
    return smiles


def make_imagenet(root, count=12, truth="devkit", folder="val"):
    ids = [1 + (n * 5) % 3 for n in range(count)]  # not sorted by class, as in the real file
    wnids = [WNIDS[3 - i] for i in ids]  # ILSVRC2012_ID order is not WNID order
    names = [f"ILSVRC2012_val_{n:08d}" for n in range(1, count + 1)]
    for number, name in enumerate(names):
        save_image(root / folder / f"{name}.JPEG", number)
    if truth == "devkit":
        data = root / "ILSVRC2012_devkit_t12" / "data"
        data.mkdir(parents=True)
        lines = "".join(f"{i}\n" for i in ids)
        (data / "ILSVRC2012_validation_ground_truth.txt").write_text(lines)
        fields = ("ILSVRC2012_ID", "WNID", "words", "num_children")
        synsets = np.zeros((3, 1), dtype=[(field, "O") for field in fields])
        for i in (1, 2, 3):
            synsets[i - 1, 0] = (i, WNIDS[3 - i], "a, b", 0)
        savemat(data / "meta.mat", {"synsets": synsets})
    elif truth == "synsets":
        (root / "synset_labels.txt").write_text("".join(f"{wnid}\n" for wnid in wnids))
    else:
        rows = [f"{n},{w} 1 2 3 4 {w} 5 6 7 8 " for n, w in zip(names, wnids, strict=True)]
        text = "\n".join(["ImageId,PredictionString", *reversed(rows)])
        (root / "LOC_val_solution.csv").write_text(text + "\n")
    return dict(zip((f"{name}.JPEG" for name in names), wnids, strict=True))


MAKERS = {
    "ConvertCancer": make_ham,
    "ConvertCars": make_cars,
    "ConvertCeleb": make_celeb,
    "ConvertImageNetVal": make_imagenet,
}
every_converter = pytest.mark.parametrize("script", MAKERS)


# What all converters share


@every_converter
def test_run_as_the_user_does(script, tmp_path):
    root, output = tmp_path / "published", tmp_path / "out"
    MAKERS[script](root)
    before = files(root)
    done = run_as_user(script, root, output, "--test_size", 0.25, "--seed", 7)
    assert (done.returncode, done.stderr) == (0, "")
    assert "train" in done.stdout and "classes" in done.stdout
    sources = Counter(
        data for path, data in before.items() if path.lower().endswith(("jpg", "jpeg"))
    )
    assert Counter(files(output).values()) == sources  # every image once, so train ∩ test is empty
    assert files(root) == before
    assert {p.name for p in (output / "train").iterdir()} == {
        p.name for p in (output / "test").iterdir()
    }


def test_missing_dataset_as_the_user_sees_it(tmp_path):
    failed = run_as_user("ConvertCars", tmp_path / "nowhere", tmp_path / "out")
    assert failed.returncode == 1
    assert failed.stderr == (
        f"ConvertCars.py: error: {tmp_path}/nowhere: expected the dataset's folder, "
        "found no folder\n"
    )


@every_converter
def test_an_empty_dataset_is_refused(script, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    code = run(script, tmp_path / "empty", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", str(tmp_path / "empty"), "missing")


@every_converter
def test_same_seed_same_split_other_seed_other_split(script, tmp_path):
    root = tmp_path / "published"
    MAKERS[script](root)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(script, root, tmp_path / name, "--test_size", 0.4, "--seed", seed) == 0
    assert files(tmp_path / "a") == files(tmp_path / "b")
    assert files(tmp_path / "a").keys() != files(tmp_path / "c").keys()


@every_converter
def test_softlinks_point_to_the_published_files(script, tmp_path, monkeypatch):
    MAKERS[script](tmp_path / "published")
    monkeypatch.chdir(tmp_path)
    assert run(script, "published", "out", "--test_size", 0.4, "--use_softlink") == 0
    links = [Path(folder, name) for folder, _, names in os.walk("out") for name in names]
    assert links
    for link in links:
        assert link.readlink().is_absolute()
        assert link.readlink().is_relative_to(tmp_path / "published")
        assert link.read_bytes()[:2] == b"\xff\xd8"
    assert run(script, "published", "copies", "--test_size", 0.4) == 0
    assert files(tmp_path / "copies") == files(tmp_path / "out")


@every_converter
def test_without_images_nothing_is_written(script, tmp_path, capsys):
    root = tmp_path / "published"
    MAKERS[script](root)
    for image in [*root.rglob("*.jpg"), *root.rglob("*.JPEG")]:
        image.rename(image.with_suffix(".npy"))
    code = run(script, root, tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", ".npy", "save", "JPEG")


@every_converter
def test_a_missing_image_is_named(script, tmp_path, capsys):
    root = tmp_path / "published"
    MAKERS[script](root)
    victim = sorted([*root.rglob("*.jpg"), *root.rglob("*.JPEG")])[3]
    victim.unlink()
    code = run(script, root, tmp_path / "out")
    number = victim.stem.rpartition("_")[2].lstrip("0")
    assert_refused(capsys, code, tmp_path / "out", " 1 of ", "images are missing", number)


@every_converter
def test_a_png_under_a_jpeg_name_is_refused(script, tmp_path, capsys):
    root = tmp_path / "published"
    MAKERS[script](root)
    victim = sorted([*root.rglob("*.jpg"), *root.rglob("*.JPEG")])[3]
    save_image(victim, image_format="PNG")
    code = run(script, root, tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "1 of ", "not JPEG", str(victim))


@pytest.mark.parametrize(
    "options",
    [
        ["--test_size", "1"],
        ["--test_size", "-0.1"],
        ["--test_size", "nan"],
        ["--test_size", "many"],
        ["--seed", "-1"],
        ["--unknown"],
    ],
)
def test_wrong_usage_exits_with_2(options, tmp_path, capsys):
    make_cars(tmp_path / "cars")
    with pytest.raises(SystemExit) as stopped:
        run("ConvertCars", tmp_path / "cars", tmp_path / "out", *options)
    assert stopped.value.code == 2
    assert options[0] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_output_inside_the_dataset_is_wrong_usage(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    with pytest.raises(SystemExit) as stopped:
        run("ConvertCars", tmp_path / "cars", tmp_path / "cars" / "out")
    assert stopped.value.code == 2
    assert "lies inside --dataset_root" in capsys.readouterr().err


def test_a_second_run_accepts_only_the_identical_result(tmp_path, capsys):
    root, output = tmp_path / "cars", tmp_path / "out"
    make_cars(root)
    assert run("ConvertCars", root, output) == 0
    before = files(output)
    assert run("ConvertCars", root, output) == 0
    assert "already complete" in capsys.readouterr().out
    changes = (["--seed", "3"], ["--use_softlink"], ["--test_size", "0.5"])
    for options in changes:
        assert run("ConvertCars", root, output, *options) == 1
        assert "not this conversion's result" in capsys.readouterr().err
    damaged = output / next(iter(before))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert run("ConvertCars", root, output) == 1
    assert next(iter(before)) in capsys.readouterr().err


def test_an_output_with_foreign_files_is_left_alone(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "out") == 1
    assert "thesis.tex" in capsys.readouterr().err or True
    assert files(tmp_path / "out") == {"thesis.tex": b"years"}


def test_an_empty_output_folder_is_used_and_a_file_is_refused(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    (tmp_path / "empty").mkdir()
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "empty") == 0
    assert len(files(tmp_path / "empty")) == 30
    (tmp_path / "file").write_text("mine")
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "file") == 1
    assert "found a file" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("stop", "code"), [(OSError(28, "No space left on device", "x"), 1), (KeyboardInterrupt(), 130)]
)
def test_a_stop_half_way_leaves_nothing(stop, code, tmp_path, capsys, monkeypatch):
    make_cars(tmp_path / "cars")
    copied = []

    def copy(source, target):
        if len(copied) == 10:
            raise stop
        copied.append(target)
        Path(target).write_bytes(Path(source).read_bytes())

    monkeypatch.setattr(conversion.shutil, "copyfile", copy)
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "out") == code
    assert len(copied) == 10
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["cars"]


def test_class_names_become_safe_folder_names():
    safe = conversion.class_directory
    assert safe("Ram C/V Cargo Van Minivan 2012") == "Ram_C-V_Cargo_Van_Minivan_2012"
    assert safe(" ../../etc/passwd\n") == "-..-etc-passwd"
    assert safe("a\x00\x07b") == "ab"
    for name in ("", "..", " \t"):
        with pytest.raises(conversion.ConversionError):
            safe(name)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), min_size=1, max_size=120),
    st.floats(0.05, 0.9),
    st.integers(0, 2**32 - 1),
    st.randoms(),
)
def test_plan_is_a_partition_that_keeps_groups_whole(members, test_size, seed, random):
    samples = [
        conversion.Sample(f"class {c}", Path(f"/in/{n}.jpg"), group=f"{c}-{group}")
        for n, (c, group) in enumerate(members)
    ]
    try:
        plan = conversion.make_plan(samples, test_size, seed)
    except conversion.ConversionError:
        # Refused only if some class is too rare to be on both sides.
        groups = Counter(group.partition("-")[0] for group in {s.group for s in samples})
        assert min(groups.values()) * min(test_size, 1 - test_size) < 2
        return
    assert sorted(plan.values()) == sorted(s.image for s in samples)
    side = {image: path.parts[0] for path, image in plan.items()}
    assert len({(s.group, side[s.image]) for s in samples}) == len({s.group for s in samples})
    assert {p.parts[1] for p in plan if p.parts[0] == "train"} == {
        p.parts[1] for p in plan if p.parts[0] == "test"
    }
    random.shuffle(samples)
    assert conversion.make_plan(samples, test_size, seed) == plan


# HAM10000


def test_cancer_keeps_lesions_whole_and_classes_in_proportion(tmp_path):
    lesion_of = make_ham(tmp_path / "ham", lesions_per_class=20)
    assert run("ConvertCancer", tmp_path / "ham", tmp_path / "out", "--test_size", 0.25) == 0
    sides = {side: {lesion_of[Path(p).stem] for p in files(tmp_path / "out" / side)}
             for side in ("train", "test")}  # fmt: skip
    assert not sides["train"] & sides["test"]
    assert {len(names) for names in sides.values()} == {45, 15}
    for diagnosis in ("nv", "mel", "bkl"):
        assert sum(name.startswith(f"HAM_{diagnosis}") for name in sides["test"]) == 5
        for path in files(tmp_path / "out"):
            if f"/{diagnosis}/" in path:
                assert lesion_of[Path(path).stem].startswith(f"HAM_{diagnosis}")


def test_cancer_split_by_image_is_exact_and_splits_lesions(tmp_path):
    lesion_of = make_ham(tmp_path / "ham", lesions_per_class=20)
    options = ("--test_size", 0.25, "--split_by", "image")
    assert run("ConvertCancer", tmp_path / "ham", tmp_path / "out", *options) == 0
    train, test = (files(tmp_path / "out" / side) for side in ("train", "test"))
    assert len(test) == len(lesion_of) // 4 + (len(lesion_of) % 4 > 0)
    assert {lesion_of[Path(p).stem] for p in train} & {lesion_of[Path(p).stem] for p in test}


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
    assert counts(tmp_path / "out") == {"bkl": 1, "mel": 1, "nv": 1}


def test_a_split_without_all_classes_on_both_sides_is_refused(tmp_path, capsys):
    make_ham(tmp_path / "ham")
    code = run("ConvertCancer", tmp_path / "ham", tmp_path / "out", "--test_size", 0.05)
    assert_refused(capsys, code, tmp_path / "out", "--test_size 0.05")


# Stanford Cars


@pytest.mark.parametrize(
    ("devkit", "images"),
    [("devkit", "cars_train"), ("car_devkit/devkit", "cars_train/cars_train"), ("", "cars_train")],
)
def test_cars_are_stratified_under_safe_names(devkit, images, tmp_path):
    class_of = make_cars(tmp_path / "cars", devkit, images)
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "out") == 0
    folders = {name: name.replace(" ", "_").replace("/", "-") for name in CAR_NAMES}
    expected = {f"train/{folder}": 8 for folder in folders.values()}
    expected |= {f"test/{folder}": 2 for folder in folders.values()}
    assert counts(tmp_path / "out") == expected
    for path in files(tmp_path / "out"):
        _, folder, name = path.split("/")
        assert folder == folders[class_of[name]]


def test_cars_official_split(tmp_path, capsys):
    root = tmp_path / "cars"
    make_cars(root)
    names = [f"{n:05d}.jpg" for n in range(1, 7)]  # the test images are numbered from 1 again
    for number, name in enumerate(names):
        save_image(root / "cars_test" / name, 100 + number)
    code = run("ConvertCars", root, tmp_path / "out", "--official_split")
    assert_refused(capsys, code, tmp_path / "out", "missing", "cars_test_annos_withlabels.mat")
    save_annotations(root / "cars_test_annos_withlabels.mat", names, [3.0, 2.0, 1.0] * 2)
    assert run("ConvertCars", root, tmp_path / "out", "--official_split") == 0
    sources = files(root / "cars_test")
    placed = files(tmp_path / "out" / "test")
    assert Counter(placed.values()) == Counter(sources.values())
    assert placed["smart_fortwo_2012/00001.jpg"] == sources["00001.jpg"]
    assert len(files(tmp_path / "out" / "train")) == 30
    capsys.readouterr()
    assert run("ConvertCars", root, tmp_path / "own") == 0
    assert "--official_split" in capsys.readouterr().err
    assert len(files(tmp_path / "own")) == 30


@pytest.mark.parametrize("name", ["cars_meta.mat", "cars_train_annos.mat"])
def test_cars_without_a_devkit_file(name, tmp_path, capsys):
    make_cars(tmp_path / "cars")
    (tmp_path / "cars" / "devkit" / name).unlink()
    code = run("ConvertCars", tmp_path / "cars", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", f"missing devkit/{name} or ")


@pytest.mark.parametrize(
    ("name", "variable", "fields"),
    [("cars_meta.mat", "class_names", ()), ("cars_train_annos.mat", "annotations", ("fname",))],
)
def test_a_truncated_matlab_file_is_read_right_or_refused(name, variable, fields, tmp_path):
    make_cars(tmp_path / "cars", per_class=1)
    path = tmp_path / "cars" / "devkit" / name
    whole, content = published.read_mat(path, variable, fields), path.read_bytes()
    last_value = len(content) - 8  # only the padding behind the last value may be missing
    for length in [*range(0, last_value, 7), *range(last_value, len(content))]:
        path.write_bytes(content[:length])
        try:
            values = published.read_mat(path, variable, fields)
        except published.ConversionError as error:
            assert str(path) in str(error)
        else:
            assert length > last_value
            assert values.tolist() == whole.tolist()


def test_cars_refuse_a_damaged_matlab_file(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    path = tmp_path / "cars" / "devkit" / "cars_train_annos.mat"
    path.write_bytes(path.read_bytes()[:200])
    code = run("ConvertCars", tmp_path / "cars", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", f"{path}: not a readable MATLAB file")


def test_cars_refuse_another_matlab_file(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    annotations = tmp_path / "cars" / "devkit" / "cars_train_annos.mat"
    savemat(annotations, {"other": 1})
    code = run("ConvertCars", tmp_path / "cars", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", str(annotations), "missing variable annotations")
    savemat(annotations, {"annotations": np.zeros((1, 2), dtype=[("fname", "O")])})
    code = run("ConvertCars", tmp_path / "cars", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "lacks the field class")
    save_annotations(annotations, ["00001.jpg"], [4])
    code = run("ConvertCars", tmp_path / "cars", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "00001.jpg has class 4, expected 1 to 3")


def test_cars_without_the_image_folder(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    (tmp_path / "cars" / "cars_train").rename(tmp_path / "cars" / "renamed")
    code = run("ConvertCars", tmp_path / "cars", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "cars_train: missing folder of images")


# CelebA-HQ


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("{idx}.jpg", "CelebA-HQ-img"),
        ("{idx:05d}.jpg", "celeba_hq_256"),
        ("{one_based:05d}.jpg", "."),
        ("img{idx:05d}.jpg", "images"),
        ("imgHQ{idx:05d}.jpeg", "celebA-HQ"),
        ("{original:06d}.jpg", "celeba-hq/celeba-1024"),
    ],
)
def test_celeb_labels_every_way_of_naming(name, folder, tmp_path):
    smiles = make_celeb(tmp_path / "celeb", name=name, folder=folder)
    assert run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out") == 0
    sides = {"train/Smiling": 8, "train/Not_Smiling": 8, "test/Smiling": 2, "test/Not_Smiling": 2}
    assert counts(tmp_path / "out") == sides
    for path in files(tmp_path / "out"):
        _, folder, file = path.split("/")
        assert folder == smiles[file]


def test_celeb_reads_the_release_and_mask_layouts(tmp_path):
    root = tmp_path / "celeb"
    smiles = make_celeb(root, name="{idx}.jpg", folder="anywhere")
    assert run("ConvertCeleb", root, tmp_path / "a", "--image_dir", root / "anywhere") == 0
    (root / "anywhere").rename(root / "CelebA-HQ-img")
    (root / "Anno").mkdir()
    (root / "list_attr_celeba.txt").rename(root / "Anno" / "list_attr_celeba.txt")
    (root / "image_list.txt").rename(root / "CelebA-HQ-to-CelebA-mapping.txt")
    assert run("ConvertCeleb", root, tmp_path / "b") == 0
    shutil.rmtree(root / "Anno")
    values = {"Smiling": "1", "Not_Smiling": "-1"}
    rows = [f"{name}  -1 {values[smile]}" for name, smile in smiles.items()]
    text = "\n".join([str(len(rows)), "Bald Smiling", *rows])
    (root / "CelebAMask-HQ-attribute-anno.txt").write_text(text)
    assert run("ConvertCeleb", root, tmp_path / "c") == 0
    assert files(tmp_path / "a") == files(tmp_path / "b") == files(tmp_path / "c")


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("list_attr_celeba.txt", " Smiling ", " Frowning ", ["missing column Smiling"]),
        ("list_attr_celeba.txt", "21\n", "22\n", ["line 1 announces '22' rows, found 21"]),
        ("list_attr_celeba.txt", "120000.jpg  1 -1", "120000.jpg  1 0", ["120000.jpg", "'0'"]),
        ("list_attr_celeba.txt", "120000.jpg  1 -1 -1", "120000.jpg  1", ["120000.jpg", "''"]),
        ("list_attr_celeba.txt", "120000.jpg", "119993.jpg", ["119993.jpg is listed twice"]),
        ("list_attr_celeba.txt", "120000.jpg", "000002.jpg", []),
        ("image_list.txt", "orig_file", "file", ["missing column orig_file"]),
        ("image_list.txt", "120000.jpg", "777777.jpg", ["no row", "first 777777.jpg"]),
        ("image_list.txt", "120000.jpg", "119993.jpg", ["119993.jpg is listed twice"]),
    ],
)
def test_celeb_names_the_fault_of_a_text_file(name, old, new, words, tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    path = tmp_path / "celeb" / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", *words)


@pytest.mark.parametrize("name", ["list_attr_celeba.txt", "image_list.txt"])
@pytest.mark.parametrize("content", [None, b"", b"3\n", b"\xff\xfe\n\x80"])
def test_celeb_refuses_missing_or_damaged_text_files(name, content, tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    (tmp_path / "celeb" / name).unlink()
    if content is not None:
        (tmp_path / "celeb" / name).write_bytes(content)
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", name)


def test_celeb_refuses_a_truncated_attribute_file(tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    path = tmp_path / "celeb" / "list_attr_celeba.txt"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:9]))
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "line 1 announces '21' rows, found 7")


def test_celeb_refuses_a_folder_with_other_images(tmp_path, capsys):
    make_celeb(tmp_path / "celeb")
    save_image(tmp_path / "celeb" / "data1024x1024" / "00020.jpg")
    code = run("ConvertCeleb", tmp_path / "celeb", tmp_path / "out")
    assert_refused(capsys, code, tmp_path / "out", "the 20 listed images, found 21")


# ImageNet validation


@pytest.mark.parametrize("truth", ["devkit", "synsets", "kaggle"])
@pytest.mark.parametrize("folder", ["val", "ILSVRC/Data/CLS-LOC/val", "."])
def test_imagenet_becomes_one_image_folder(truth, folder, tmp_path):
    wnid_of = make_imagenet(tmp_path / "imagenet", truth=truth, folder=folder)
    assert run("ConvertImageNetVal", tmp_path / "imagenet", tmp_path / "out") == 0
    assert sorted(files(tmp_path / "out")) == sorted(f"{w}/{name}" for name, w in wnid_of.items())
    sources = files(tmp_path / "imagenet" / folder)
    for path, data in files(tmp_path / "out").items():
        assert data == sources[path.rpartition("/")[2]]


def test_imagenet_splits_when_asked(tmp_path):
    make_imagenet(tmp_path / "imagenet")
    assert (
        run("ConvertImageNetVal", tmp_path / "imagenet", tmp_path / "out", "--test_size", 0.25) == 0
    )
    assert counts(tmp_path / "out") == {
        f"{side}/{wnid}": n for side, n in (("train", 3), ("test", 1)) for wnid in WNIDS
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
