import io

import numpy as np
import pytest
from helpers.jpegs import GOOD
from helpers.toy_data import make_folder, make_pcr
from PIL import Image

import PCR_Iterator
from pcr import jpeg as pcr_jpeg
from pcr.conversion.run import convert
from pcr.errors import UsageError
from pcr.imagefolder import ImageFolder
from pcr.ladder import Ladder
from pcr.loading.image_files import FileIterator
from pcr.loading.iterator import PCRIterator

pytest.importorskip("nvidia.dali", reason="needs NVIDIA DALI, the extra dali-cuda12 or dali-cuda13")

from nvidia import dali

import PCR_Pipeline
from pcr.dali import (
    MEAN,
    STD,
    HybridTrainPipe,
    HybridValPipe,
    ImageNetPCRPipeline,
    PCRHybridTrainPipe,
    PCRPipeline,
)

CPU = {"batch_size": 4, "num_threads": 1, "device_id": None, "seed": 1}
IMAGES = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("pipeline") / "train", IMAGES // 2)


@pytest.fixture(scope="module")
def dataset(folder):
    return make_pcr(folder, folder.parent / "pcr", batch_size=4)


def outputs(pipe):
    """The pipeline's outputs until it raises StopIteration, a list of arrays for each sample."""
    samples = []
    while True:
        try:
            batch = pipe.run()
        except StopIteration:
            return samples
        samples += zip(*[[np.array(array) for array in output] for output in batch], strict=True)


def files_and_labels(folder):
    images = ImageFolder.scan(folder)
    return [str(images.path(s)) for s in images.samples], [s.label for s in images.samples]


def to_pixels(normalised):
    return normalised.transpose(1, 2, 0) * np.array(STD) + np.array(MEAN)


@pytest.mark.parametrize("level", range(1, 11))
def test_every_level_decodes_as_pillow_decodes_it(dataset, level):
    reference = [
        (np.array(Image.open(io.BytesIO(jpeg.tobytes())).convert("RGB")), int(label[0]))
        for jpegs, labels in PCRIterator(dataset, 4, level, seed=5)
        for jpeg, label in zip(jpegs, labels, strict=True)
    ]
    decoded = outputs(PCRPipeline(PCRIterator(dataset, 4, level, seed=5), **CPU))
    assert len(decoded) == len(reference) == IMAGES
    for (image, label), (expected, expected_label) in zip(decoded, reference, strict=True):
        assert image.dtype == np.uint8
        assert label.tolist() == [expected_label]
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).mean() < 2


def window_errors(image, source, size):
    """Mean difference of a normalised crop from each window of the source, resized by Pillow.

    Returns a (rows, columns) array, by the window's position.
    """
    scale = size / min(source.size)
    edges = [round(edge * scale) for edge in source.size]
    resized = np.array(source.convert("RGB").resize(edges, Image.Resampling.BILINEAR), dtype=float)
    windows = np.lib.stride_tricks.sliding_window_view(resized, image.shape[1:], axis=(0, 1))
    return np.abs(windows.transpose(0, 1, 3, 4, 2) - to_pixels(image)).mean(axis=(2, 3, 4))


def test_validation_is_resize_and_centre_crop(folder):
    files, labels = files_and_labels(folder)
    source = FileIterator(ImageFolder.scan(folder), 4, shuffle=False)
    pipe = HybridValPipe(source, crop=32, size=37, **CPU)
    images, found_labels = ([np.array(a) for a in output] for output in pipe.run())
    for i, image in enumerate(images):
        assert image.shape == (3, 32, 32)
        assert image.dtype == np.float32
        errors = window_errors(image, Image.open(files[i]), 37)
        row, column = ((edge - 1) // 2 for edge in errors.shape)
        assert errors[row : row + 2, column : column + 2].min() < 2  # an odd margin has two centres
        assert found_labels[i].tolist() == [labels[i]]


def test_imagenet_pipeline_cuts_a_window_of_the_resized_image(dataset):
    samples = outputs(ImageNetPCRPipeline(PCRIterator(dataset, 4, seed=2), crop=32, size=36, **CPU))
    jpegs = [jpeg for batch, _ in PCRIterator(dataset, 4, seed=2) for jpeg in batch]
    assert len(samples) == IMAGES
    positions = set()
    for (image, _), jpeg in zip(samples, jpegs, strict=True):
        errors = window_errors(image, Image.open(io.BytesIO(jpeg.tobytes())), 36)
        assert errors.min() < 2
        positions.add(np.unravel_index(errors.argmin(), errors.shape))
    assert len(positions) > 1


def test_training_pipelines_augment_alike_from_pcr_and_from_files(folder, dataset):
    from_pcr = outputs(PCRHybridTrainPipe(PCRIterator(dataset, 4, seed=2), crop=32, **CPU))
    _, labels = files_and_labels(folder)
    from_files = outputs(HybridTrainPipe(FileIterator(ImageFolder.scan(folder), 4), crop=32, **CPU))
    assert len(from_pcr) == IMAGES
    for samples in (from_pcr, from_files):
        assert sorted(int(label[0]) for _, label in samples) == sorted(labels)
    for image, label in [*from_pcr, *from_files]:
        pixels = to_pixels(np.array(image))
        assert pixels.shape == (32, 32, 3)
        brightest = int(pixels.mean(axis=(0, 1)).argmax())
        assert brightest == 2 - int(np.array(label)[0])


def test_an_epoch_ends_and_the_next_one_differs(dataset):
    source = PCRIterator(dataset, 4, seed=2)
    pipe = PCRHybridTrainPipe(source, crop=16, **CPU)
    first = outputs(pipe)
    pipe.reset()
    second = outputs(pipe)
    assert len(first) == len(second) == IMAGES
    assert not np.array_equal(first[0][0], second[0][0])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grayscale_and_cmyk_come_out_as_rgb(tmp_path, mode):
    path = tmp_path / "class" / "one.jpg"
    path.parent.mkdir()
    gradient = np.linspace(0, 255, 40 * 40).reshape(40, 40).astype(np.uint8)
    Image.merge(mode, [Image.fromarray(gradient)] * len(Image.new(mode, (1, 1)).getbands())).save(
        path, quality=95
    )
    source = FileIterator(ImageFolder.scan(tmp_path), 1)
    pipe = HybridValPipe(source, crop=32, size=40, **CPU | {"batch_size": 1})
    image = to_pixels(np.array(pipe.run()[0].at(0)))
    expected = np.array(Image.open(path).convert("RGB"), dtype=float)[4:36, 4:36]
    assert np.abs(image - expected).mean() < 3


def test_pipelines_take_a_url(served):
    _, url, local = served
    ours, theirs = (
        outputs(PCR_Pipeline.PCRHybridTrainPipe(source, crop=16, **CPU))
        for source in (PCR_Iterator.PCRIterator(url, 4, 2), PCRIterator(local.root, 4, 2))
    )
    assert len(ours) == len(local)
    for (image, label), (expected, expected_label) in zip(ours, theirs, strict=True):
        assert np.array_equal(image, expected) and label.tolist() == expected_label.tolist()


def test_an_empty_prefix_of_a_jpeg_fails(dataset):
    class Broken(PCRIterator):
        def __next__(self):
            jpegs, labels = super().__next__()
            return [jpeg[:20] for jpeg in jpegs], labels

    with pytest.raises(RuntimeError):
        PCRPipeline(Broken(dataset, 4), **CPU).run()


def test_columns_are_refused(folder, tmp_path):
    table = tmp_path / "table.csv"
    rows = [
        f"{path},{label},{len(path)}" for path, label in zip(*files_and_labels(folder), strict=True)
    ]
    table.write_text("\n".join(["path,label,score", *rows]) + "\n")
    convert(table, tmp_path / "pcr", progress=False)
    with pytest.raises(
        UsageError, match=r"^columns: expected none: pipelines of DALI take JPEGs and labels$"
    ):
        PCRPipeline(PCRIterator(tmp_path / "pcr", 4, columns=["score"]), **CPU).build()


def test_decoding_is_the_same_with_restart_markers():
    images = [decoded(levels_of_all_kinds(restart_rows)) for restart_rows in (0, 2)]
    for image, expected in zip(*images, strict=True):
        np.testing.assert_array_equal(image, expected)


def levels_of_all_kinds(restart_rows):
    found = []
    for kind in ("4:4:4", "4:2:2", "4:4:0", "gray", "cmyk", "ycck", "odd size"):
        data = pcr_jpeg.transcode(
            GOOD[kind](), Ladder.load("standard").scripts, restart_rows=restart_rows
        )
        found += [
            np.concatenate([data[:end], np.frombuffer(pcr_jpeg.EOI, np.uint8)])
            for end in pcr_jpeg.split(data)[1:]
        ]
    return found


def decoded(files):
    pipeline = dali.Pipeline(batch_size=len(files), num_threads=1, device_id=None)
    with pipeline:
        encoded = dali.fn.external_source(lambda: files, dtype=dali.types.UINT8)
        pipeline.set_outputs(dali.fn.decoders.image(encoded))
    pipeline.build()
    (images,) = pipeline.run()
    return [np.array(images.at(i)) for i in range(len(files))]
