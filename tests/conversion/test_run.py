"""The converter commands: what they write, print and refuse; --append; the paper's knobs."""

from __future__ import annotations

import csv
import json
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.conversions import (
    ADVANCED,
    CONVERTER,
    PCR,
    dataset_bytes,
    fail,
    make_folder,
    run,
    state,
    succeed,
)

from pcr.cli import command
from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset import layout
from pcr.dataset.reader import Dataset
from pcr.imagefolder import ImageFolder
from pcr.ladder import Ladder
from pcr.tools.verification import verify


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("source"), {"ant": 12, "cow": 13})


def contents(root: Path, level: int | None = None) -> list[tuple[str, int, bytes]]:
    """Name, label and JPEG of every image of a dataset, in order."""
    dataset = Dataset(root)
    found = []
    for record in dataset.records:
        images = record.read(level or dataset.levels)
        names = [image.name for image in record.info().images]
        jpeg = [images[i].tobytes() for i in range(len(images))]
        found += list(zip(names, images.labels.tolist(), jpeg, strict=True))
    return found


def assert_sound(root: Path) -> None:
    assert [verdict for verdict in verify(root) if verdict.failure] == []


def test_every_image_is_in_the_dataset_with_its_pixels(source: Path, tmp_path: Path) -> None:
    before, out = state(source), tmp_path / "new" / "out"
    printed = succeed(CONVERTER, source, out, "--batch_size", 10)
    assert "25 images in 3 records" in printed
    assert printed.count("\n") > 12
    assert state(source) == before
    assert_sound(out)
    folder, found = ImageFolder.scan(source), contents(out)
    assert sorted(name for name, _, _ in found) == sorted(s.name for s in folder.samples)
    assert [r.images for r in Dataset(out).records] == [10, 10, 5]
    for name, label, jpeg in found:
        assert folder.classes[label] == name.split("/")[0]
        original = jpegs.decode((source / name).read_bytes())
        assert np.array_equal(jpegs.decode(jpeg), original)


def test_the_same_inputs_give_the_same_bytes(source: Path, tmp_path: Path) -> None:
    for out, workers in (("a", 1), ("b", 4)):
        succeed(CONVERTER, source, tmp_path / out, "--quiet", "--num_workers", workers)
    succeed(CONVERTER, source, tmp_path / "c", "--quiet", "--seed", 1)
    assert dataset_bytes(tmp_path / "a") == dataset_bytes(tmp_path / "b")
    first, other = contents(tmp_path / "a"), contents(tmp_path / "c")
    assert first != other and sorted(first) == sorted(other)


def test_a_progress_bar_unless_quiet(source: Path, tmp_path: Path) -> None:
    assert "25/25" in run(CONVERTER, source, tmp_path / "a").stderr
    assert run(CONVERTER, source, tmp_path / "b", "--quiet").stderr == ""


def test_an_existing_dataset_is_kept_unless_forced(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet", "--batch_size", 5)
    before = dataset_bytes(out)
    line = fail(CONVERTER, source, out, "--quiet")
    assert "--force" in line and "--append" in line
    assert dataset_bytes(out) == before
    (out / "PCR_notes.txt").write_text("mine")
    succeed(CONVERTER, source, out, "--quiet", "--force")
    assert sorted(path.name for path in out.iterdir()) == ["PCR.db", "PCR_0.db", "PCR_notes.txt"]


def test_refusals(
    source: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # pytest has its own handlers
    (tmp_path / "empty" / "class").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    out = tmp_path / "out"
    for arguments, reason, code in (
        ((tmp_path / "none", out), "expected an ImageFolder, found no such directory", 1),
        ((tmp_path / "file", out), "expected an ImageFolder, found a file", 1),
        ((tmp_path / "empty", out), "expected images", 1),
        ((tmp_path / "empty" / "class", out), "one sub-folder per class", 1),
        ((source, tmp_path / "file"), "found a file", 1),
        ((source, source / "ant" / "out"), "outside the input", 2),
        ((source, out, "--batch_size", 0), "--batch_size: expected 1 to", 2),
        ((source, out, "--quality", 101), "--quality: expected 1 to 100", 2),
        ((source, out, "--ladder", "nonsense"), "expected one of the ladders", 1),
        ((source, out, "--append"), "expected the directory of a PCR dataset, found none", 1),
        ((source, out, "--levels", 11), "levels: expected 1 to the 10 levels", 2),
        ((source, out, "--use_baseline_images", "--levels", 2), "expected without --ladder", 2),
        ((source, out, "--use_baseline_images", "--convert_images"), "without a ladder", 2),
        ((source, out, "--static_compression", 50, "--convert_images"), "found both", 2),
    ):
        with pytest.raises(SystemExit) as ended:
            command.main("convert", [*map(str, arguments), "--quiet"])
        (line,) = capsys.readouterr().err.splitlines()
        assert ended.value.code == code and reason in line
        assert not out.exists()
    result = run(CONVERTER, source, out, "--levels", 2)
    assert result.returncode == 2 and "unrecognized arguments: --levels" in result.stderr


def test_quality_is_measured_where_asked_for(source: Path, tmp_path: Path) -> None:
    result = run(CONVERTER, source, tmp_path, "--quiet", "--mssim_estimate_size", 3)
    assert result.returncode == 0 and result.stderr == ""
    assert "ms_ssim" in result.stdout
    with (tmp_path / layout.QUALITY_FILE).open() as file:
        assert len(list(csv.DictReader(file))) == 10


def test_append_adds_records_and_leaves_the_old_ones(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet", "--batch_size", 10, "--ladder", "luma", "--seed", 3)
    old, old_contents = dataset_bytes(out), contents(out)
    more = make_folder(tmp_path / "more", {"bee": 11, "cow": 20, "aardvark": 4})
    printed = succeed(CONVERTER, more, out, "--quiet", "--append")
    assert "22 images added to 25 in 3 records" in printed  # of cow only what is not there
    new = dataset_bytes(out)
    assert {name: new[name] for name in old if name != "PCR.db"} == {
        name: data for name, data in old.items() if name != "PCR.db"
    }
    dataset, found = Dataset(out), contents(out)
    # Old classes keep their labels, new ones come behind them, sorted among themselves.
    assert dataset.classes == ("ant", "cow", "aardvark", "bee")
    assert found[:25] == old_contents
    assert (dataset.info.seed, dataset.info.images_per_record, len(dataset)) == (3, 10, 47)
    assert all(dataset.classes[label] == name.split("/")[0] for name, label, _ in found)
    assert len({name for name, _, _ in found}) == 47
    assert_sound(out)
    assert "0 images added to 47" in succeed(CONVERTER, more, out, "--quiet", "--append")
    assert dataset_bytes(out) == new


def test_append_refuses_what_would_not_fit(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    succeed(CONVERTER, source, out, "--quiet")
    before = dataset_bytes(out)
    for flags, reason in (
        (("--ladder", "luma"), "expected the --ladder that the dataset was made with"),
        (("--copy", "exif"), "expected the --copy that the dataset was made with"),
    ):
        assert reason in fail(CONVERTER, source, out, "--quiet", "--append", *flags)
    assert run(CONVERTER, source, out, "--append", "--force").returncode == 2
    more = make_folder(tmp_path / "more", {"dog": 3})
    (more / "dog" / "bad.jpg").write_bytes(b"")
    assert "bad.jpg: no JPEG" in fail(CONVERTER, more, out, "--quiet", "--append")
    assert dataset_bytes(out).items() >= before.items()
    assert len(Dataset(out)) == 25  # what is there stays readable
    assert "began with --append" in fail(CONVERTER, more, out, "--quiet")
    succeed(CONVERTER, more, out, "--quiet", "--append", "--on_bad_image", "skip")
    assert "dog/bad.jpg,skipped" in (out / layout.REPORT_FILE).read_text()
    assert len(Dataset(out)) == 28


def test_static_compression_leaves_the_sources(source: Path, tmp_path: Path) -> None:
    before = state(source)
    succeed(ADVANCED, source, tmp_path / "out", "--quiet", "--static_compression", 20)
    succeed(ADVANCED, source, tmp_path / "full", "--quiet")
    assert state(source) == before
    sizes = [sum(len(jpeg) for *_, jpeg in contents(tmp_path / out)) for out in ("out", "full")]
    assert sizes[0] < 0.8 * sizes[1]
    name, _, jpeg = contents(tmp_path / "out")[0]
    original = jpegs.decode((source / name).read_bytes()).astype(int)
    assert 0 < np.abs(jpegs.decode(jpeg) - original).mean() < 20


@pytest.mark.parametrize("flag", [("--use_baseline_images",), ("--ladder", "baseline")])
def test_baseline_images(source: Path, tmp_path: Path, flag: tuple[str, ...]) -> None:
    succeed(ADVANCED, source, tmp_path, "--quiet", *flag)
    assert Dataset(tmp_path).levels == 1
    for name, _, jpeg in contents(tmp_path):
        assert b"\xff\xc0" in jpeg and b"\xff\xc2" not in jpeg
        assert np.array_equal(jpegs.decode(jpeg), jpegs.decode((source / name).read_bytes()))
    assert_sound(tmp_path)


def test_fewer_levels_of_a_ladder(source: Path, tmp_path: Path) -> None:
    succeed(ADVANCED, source, tmp_path / "three", "--quiet", "--levels", 3)
    succeed(ADVANCED, source, tmp_path / "ten", "--quiet")
    assert Dataset(tmp_path / "three").levels == 3
    assert contents(tmp_path / "three") == contents(tmp_path / "ten")
    assert contents(tmp_path / "three", 2) == contents(tmp_path / "ten", 2)
    assert_sound(tmp_path / "three")
    more = make_folder(tmp_path / "more", {"ant": 14})
    assert "2 images added" in succeed(ADVANCED, more, tmp_path / "three", "--quiet", "--append")


def test_duplicates_and_order(source: Path, tmp_path: Path) -> None:
    flags = ("--quiet", "--duplicate_dataset_factor", 3, "--no_shuffle", "--pool_size", 1)
    succeed(ADVANCED, source, tmp_path, *flags)
    names = [name for name, _, _ in contents(tmp_path)]
    assert names == [sample.name for sample in ImageFolder.scan(source).samples] * 3
    succeed(ADVANCED, source, tmp_path, "--quiet", "--duplicate_dataset_factor", 3, "--force")
    assert set(Counter(name for name, _, _ in contents(tmp_path)).values()) == {3}


def test_timings_as_json(source: Path, tmp_path: Path) -> None:
    succeed(PCR, "convert", source, tmp_path, "--quiet", "--mssim_estimate_size", 2)
    timings = json.loads((tmp_path / layout.TIMINGS_FILE).read_text())
    assert timings["images"] == 25
    assert timings["seconds"].keys() == {"scan", "plan", "records", "index", "mssim"}
    assert all(seconds > 0 for seconds in timings["seconds"].values())


def test_tf_records_hold_the_same_images(source: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("tfrecord.reader")
    options = ConversionOptions(Ladder.load("standard"), batch_size=10, tf_records=True)
    convert(source, tmp_path, options, num_workers=1, progress=False)
    found = [
        (
            bytes(e["image/filename"]).decode(),
            int(e["image/class/label"][0]),
            bytes(e["image/encoded"]),
        )
        for number in range(3)
        for e in reader.tfrecord_loader(str(tmp_path / f"PCR_{number}.tfrecord"), None)
    ]
    assert found == contents(tmp_path)
    assert_sound(tmp_path)


def test_tf_records_are_read_by_dali(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("tfrecord")
    dali = pytest.importorskip("nvidia.dali")
    tfrecord = pytest.importorskip("nvidia.dali.tfrecord")
    options = ConversionOptions(Ladder.load("standard"), batch_size=25, tf_records=True)
    convert(source, tmp_path, options, num_workers=1, progress=False)
    path = str(tmp_path / "PCR_0.tfrecord")
    features = {
        "image/encoded": tfrecord.FixedLenFeature((), tfrecord.string, ""),
        "image/class/label": tfrecord.FixedLenFeature([1], tfrecord.int64, -1),
    }
    pipeline = dali.Pipeline(batch_size=25, num_threads=1, device_id=None, prefetch_queue_depth=1)
    with pipeline:
        read = dali.fn.readers.tfrecord(path=path, index_path=path + ".idx", features=features)
        pipeline.set_outputs(read["image/encoded"], read["image/class/label"])
    pipeline.build()
    encoded, labels = pipeline.run()
    expected = contents(tmp_path)
    assert [encoded.at(i).tobytes() for i in range(25)] == [jpeg for *_, jpeg in expected]
    assert [int(labels.at(i)[0]) for i in range(25)] == [label for _, label, _ in expected]
