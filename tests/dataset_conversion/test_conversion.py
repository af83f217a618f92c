"""What all dataset converters share, on miniatures of the layouts in which the datasets are published."""

import importlib
import os
from collections import Counter
from pathlib import Path

import pytest
from helpers.published_datasets import (
    MAKERS,
    assert_refused,
    conversion,
    every_converter,
    files,
    make_cars,
    run,
    run_as_user,
    save_image,
)
from hypothesis import given
from hypothesis import strategies as st


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
    assert {p.name for p in output.iterdir()} == {"train", "val"}
    assert {p.name for p in (output / "train").iterdir()} == {
        p.name for p in (output / "val").iterdir()
    }


def test_a_missing_dataset_is_named(tmp_path, capsys):
    root = tmp_path / "nowhere"
    code = run("ConvertCars", root, tmp_path / "out")
    line = f"error: {root}: expected the dataset's folder, found no folder"
    assert_refused(capsys, code, tmp_path / "out", line)


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


def test_the_held_out_images_go_to_test_when_asked(tmp_path):
    make_cars(tmp_path / "cars")
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "val") == 0
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "test", "--held_out", "test") == 0
    as_val, as_test = files(tmp_path / "val"), files(tmp_path / "test")
    assert {path.partition("/")[0] for path in as_test} == {"train", "test"}
    assert {path.replace("test/", "val/", 1): data for path, data in as_test.items()} == as_val


def test_without_a_split_all_images_are_in_train_and_other_folders_stay(tmp_path, capsys):
    root, output = tmp_path / "cars", tmp_path / "out"
    make_cars(root)
    (output / "val").mkdir(parents=True)
    (output / "val" / "mine.jpg").write_bytes(b"mine")
    assert run("ConvertCars", root, output, "--test_size", 0) == 0
    assert "train 30; 3 classes" in capsys.readouterr().out
    assert (output / "val" / "mine.jpg").read_bytes() == b"mine"
    assert len(files(output / "train")) == 30
    assert run("ConvertCars", root, output, "--test_size", 0) == 0
    assert "already complete" in capsys.readouterr().out


def test_options_take_either_spelling(tmp_path):
    make_cars(tmp_path / "cars")
    options = ["--dataset-root", str(tmp_path / "cars"), f"--output-root={tmp_path / 'a-b'}"]
    main = importlib.import_module("ConvertCars").main
    assert main([*options, "--test-size", "0.4", "--use-softlink", "--held-out=test"]) == 0
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "c", "--test_size", 0.4) == 0
    assert len(files(tmp_path / "a-b" / "test")) == len(files(tmp_path / "c" / "val")) == 12


@pytest.mark.parametrize(
    "options",
    [
        ["--test_size", "1"],
        ["--test_size", "-0.1"],
        ["--test_size", "nan"],
        ["--test_size", "many"],
        ["--seed", "-1"],
        ["--held_out", "dev"],
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
        assert "files that this conversion would not write" in capsys.readouterr().err
    damaged = output / next(iter(before))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    assert run("ConvertCars", root, output) == 1
    assert next(iter(before)) in capsys.readouterr().err


def test_an_output_with_foreign_files_is_left_alone(tmp_path, capsys):
    make_cars(tmp_path / "cars")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years")
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "out") == 1
    assert "already contains files" in capsys.readouterr().err
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
        plan = conversion.make_plan(samples, test_size, seed, conversion.Splits())
    except conversion.ConversionError:
        # Refused only if some class is too rare to be on both sides.
        groups = Counter(group.partition("-")[0] for group in {s.group for s in samples})
        assert min(groups.values()) * min(test_size, 1 - test_size) < 2
        return
    assert sorted(plan.values()) == sorted(s.image for s in samples)
    side = {image: path.parts[0] for path, image in plan.items()}
    assert len({(s.group, side[s.image]) for s in samples}) == len({s.group for s in samples})
    assert {p.parts[1] for p in plan if p.parts[0] == "train"} == {
        p.parts[1] for p in plan if p.parts[0] == "val"
    }
    random.shuffle(samples)
    assert conversion.make_plan(samples, test_size, seed, conversion.Splits()) == plan
