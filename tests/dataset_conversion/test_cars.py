"""Stanford Cars as an ImageFolder."""

from collections import Counter

import numpy as np
import pytest
from helpers.published_datasets import (
    CAR_NAMES,
    assert_refused,
    counts,
    files,
    make_cars,
    published,
    run,
    save_annotations,
    save_image,
)
from scipy.io import savemat


@pytest.mark.parametrize(
    ("devkit", "images"),
    [("devkit", "cars_train"), ("car_devkit/devkit", "cars_train/cars_train"), ("", "cars_train")],
)
def test_cars_are_stratified_under_safe_names(devkit, images, tmp_path):
    class_of = make_cars(tmp_path / "cars", devkit, images)
    assert run("ConvertCars", tmp_path / "cars", tmp_path / "out") == 0
    folders = {name: name.replace(" ", "_").replace("/", "-") for name in CAR_NAMES}
    expected = {f"train/{folder}": 8 for folder in folders.values()}
    expected |= {f"val/{folder}": 2 for folder in folders.values()}
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
    placed = files(tmp_path / "out" / "val")
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
    last_value = len(content) - 8  # only the padding after the last value may be missing
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
