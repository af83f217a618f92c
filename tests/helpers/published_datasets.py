"""Miniatures of the layouts in which datasets are published, and running their converters."""

import importlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

SCRIPTS = Path(__file__).resolve().parents[2] / "DatasetConversion"
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
