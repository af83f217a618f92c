"""PCRLoader: batches of tensors, compared with Pillow and torchvision."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import threading
import warnings
from collections import Counter
from pathlib import Path

import jpegs
import numpy as np
import pytest
import records
import skimage.data
from PIL import Image, ImageOps

from pcr.augment import Eval, Train, image_keys
from pcr.errors import DatasetError, FormatError, UsageError
from pcr.loader import PCRLoader
from pcr.reader import Dataset

SIZES = (9, 9, 9, 4)
SMALL = Train(16)
IDENTITY = {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)}  # leaves 0 … 255


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return records.make_dataset(tmp_path_factory.mktemp("loader"), SIZES).root


@pytest.fixture(scope="module", params=["standard", "bitplane"])
def photos(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Photographs larger than their tensors: colour at both usual samplings, grayscale, CMYK."""
    names = ("astronaut", "coffee", "rocket")
    images = [Image.fromarray(getattr(skimage.data, name)()).resize((420, 330)) for name in names]
    images += [images[0].convert("L").resize((330, 410)), images[1].convert("CMYK")]
    sources = [jpegs.encode(image, quality=92) for image in images]
    sources.append(jpegs.encode(images[2], quality=92, subsampling="4:4:4"))
    root = tmp_path_factory.mktemp(f"photos-{request.param}")
    return records.make_dataset_of(root, [sources], request.param)


def numpy_loader(root: Path, batch_size: int = 8, **options: object) -> PCRLoader:
    arguments = {"transform": SMALL, "output": "numpy", "num_threads": 2, **options}
    return PCRLoader(root, batch_size, **arguments)  # type: ignore[arg-type]


def drain(loader: PCRLoader) -> list[tuple[bytes, int]]:
    """One epoch's images and labels, in order."""
    return [
        (image.tobytes(), int(label))
        for images, labels in loader
        for image, label in zip(images, labels, strict=True)
    ]


def pillow(jpeg: np.ndarray) -> Image.Image:
    return Image.open(io.BytesIO(jpeg.tobytes())).convert("RGB")


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    """The bars of agreement: 1/255 on average, 2/255 at the 99.9th percentile."""
    difference = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    assert difference.mean() <= 1
    assert np.percentile(difference, 99.9) <= 2


# Pixels


@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_eval_at_full_level_is_pillows_resize_and_crop(photos: Dataset, decoder: str) -> None:
    transform = Eval(192, 160, **IDENTITY)
    options = {"transform": transform, "shuffle": False, "decoder": decoder}
    ((images, _),) = numpy_loader(photos.root, **options)
    record = photos.read(0, photos.levels)
    for i, image in enumerate(images):
        shown = pillow(record[i])
        scale = 192 / min(shown.size)
        size = tuple(int(side * scale) for side in shown.size)
        resized = shown.resize(size, Image.Resampling.BILINEAR)
        left, top = (round((side - 160) / 2) for side in size)
        expected = resized.crop((left, top, left + 160, top + 160))
        assert_close(image.transpose(1, 2, 0), np.asarray(expected))


@pytest.mark.parametrize("level", [1, 2, 5])
def test_lower_levels_are_libjpegs_without_block_smoothing(photos: Dataset, level: int) -> None:
    options = {"transform": Eval(192, 160, **IDENTITY), "shuffle": False, "n_scans": level}
    ((native, _),) = numpy_loader(photos.root, **options)
    ((libjpeg, _),) = numpy_loader(photos.root, **options, decoder="libjpeg")
    assert_close(native, libjpeg)
    options["transform"] = None
    ((whole, _),) = numpy_loader(photos.root, **options)
    ((libjpeg, _),) = numpy_loader(photos.root, **options, decoder="libjpeg")
    for ours, theirs in zip(whole, libjpeg, strict=True):
        assert_close(ours, theirs)


def test_train_is_pillows_resize_of_the_same_crop(photos: Dataset) -> None:
    transform = Train(96, **IDENTITY)
    loader = numpy_loader(
        photos.root, transform=transform, shuffle=False, seed=3, oversampling=float("inf")
    )
    ((images, _),) = loader
    record = photos.read(0, photos.levels)
    shown = [pillow(record[i]) for i in range(len(record))]
    sizes = np.array([image.size for image in shown])
    boxes, flips = transform.windows(sizes, image_keys(3, 0, np.arange(len(shown))))
    assert flips.any() and not flips.all()
    for image, source, (x, y, width, height), flip in zip(images, shown, boxes, flips, strict=True):
        expected = source.crop((x, y, x + width, y + height)).resize(
            (96, 96), Image.Resampling.BILINEAR
        )
        if flip:
            expected = ImageOps.mirror(expected)
        assert_close(image.transpose(1, 2, 0), np.asarray(expected))


def test_tensors_are_torchvisions(photos: Dataset) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    transforms = pytest.importorskip("torchvision.transforms", reason="of the extra 'train'")
    theirs = transforms.Compose(
        [
            transforms.Resize(256),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    ((images, labels),) = PCRLoader(photos.root, 8, transform=Eval(), shuffle=False, num_threads=1)
    record = photos.read(0, photos.levels)
    assert labels.dtype == torch.int64 and labels.tolist() == record.labels.tolist()
    for i, image in enumerate(images):
        assert_close(image.numpy() * 255 * 0.225, theirs(pillow(record[i])).numpy() * 255 * 0.225)


def test_decoding_at_a_reduced_size_changes_little(photos: Dataset) -> None:
    options = {"transform": Eval(64, 64, **IDENTITY), "shuffle": False}
    ((full, _),) = numpy_loader(photos.root, **options, oversampling=float("inf"))
    ((reduced, _),) = numpy_loader(photos.root, **options)
    assert 0 < np.abs(full - reduced).mean() < 4


def test_whole_images_are_those_that_pillow_shows(photos: Dataset) -> None:
    ((images, _),) = numpy_loader(photos.root, transform=None, shuffle=False)
    record = photos.read(0, photos.levels)
    for i, image in enumerate(images):
        assert image.dtype == np.uint8
        assert_close(image, np.asarray(pillow(record[i])))


@pytest.mark.parametrize("transform", [Eval(48, 48, **IDENTITY), None], ids=["tensor", "whole"])
def test_exif_orientation(tmp_path: Path, transform: Eval | None) -> None:
    upright = jpegs.photo(72, 48)
    sources = [jpegs.encode(upright, quality=95, exif=jpegs.exif(o)) for o in range(1, 9)]
    root = records.make_dataset_of(tmp_path / "d", [sources]).root
    options = {"transform": transform, "shuffle": False}
    ((images, _),) = numpy_loader(root, **options, apply_orientation=True)
    ((stored, _),) = numpy_loader(root, **options)
    for i, source in enumerate(sources):
        shown = ImageOps.exif_transpose(Image.open(io.BytesIO(source)))
        if transform is not None:
            left, top = ((side - 48) // 2 for side in shown.size)
            expected = shown.crop((left, top, left + 48, top + 48))
            assert_close(images[i].transpose(1, 2, 0), np.asarray(expected))
        else:
            assert_close(images[i], np.asarray(shown))
        assert (stored[i] == stored[0]).all()


# Forms of batches


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "bfloat16", "float32"])
def test_types_and_layouts(root: Path, dtype: str, layout: str) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    options = {"transform": Train(16), "seed": 1, "num_threads": 1, "layout": layout}
    images, _ = next(iter(PCRLoader(root, 8, dtype=getattr(torch, dtype), **options)))
    reference, _ = next(iter(PCRLoader(root, 8, **{**options, "layout": "NCHW"})))
    order = torch.channels_last if layout == "NHWC" else torch.contiguous_format
    assert images.shape == (8, 3, 16, 16) and images.is_contiguous(memory_format=order)
    assert images.dtype == getattr(torch, dtype)
    if dtype == "uint8":
        mean, std = (torch.tensor(v)[:, None, None] for v in (Train().mean, Train().std))
        pixels = (reference * std + mean) * 255
        assert (images - pixels).abs().max() <= 0.5001
    else:
        assert torch.equal(images, reference.to(images.dtype))
    if dtype != "bfloat16":
        arrays, _ = next(iter(PCRLoader(root, 8, dtype=dtype, output="numpy", **options)))
        assert arrays.dtype == dtype and (arrays == images.numpy()).all()


def test_a_batch_stays_as_it_is_while_it_is_held(root: Path) -> None:
    loader = numpy_loader(root, 4, prefetch_batches=1)
    held = [(images[:1], images.copy()) for images, _ in loader]
    drain(loader)
    assert all((view == copy[:1]).all() for view, copy in held)


def test_buffers_are_used_again(root: Path) -> None:
    addresses = Counter(
        images.__array_interface__["data"][0] for images, _ in numpy_loader(root, 2)
    )
    assert len(addresses) <= 5 < sum(addresses.values())


def test_no_torch_in_numpy_mode(root: Path) -> None:
    code = f"""
import sys
from pcr.loader import PCRLoader
(batch, *_) = PCRLoader({str(root)!r}, 8, output="numpy")
assert batch[0].shape == (8, 3, 224, 224) and "torch" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


# Order


def test_an_epoch_has_every_image_once(root: Path) -> None:
    loader = numpy_loader(root, transform=None, seed=1)
    drawn = Counter(drain(loader))
    in_order = Counter(drain(numpy_loader(root, transform=None, shuffle=False)))
    assert drawn == in_order and sum(drawn.values()) == sum(SIZES)
    assert len(loader) == 4


def test_pixels_depend_on_seed_epoch_and_image_alone(root: Path) -> None:
    first = drain(numpy_loader(root, 8, seed=1, num_threads=1))
    others = (
        numpy_loader(root, 5, seed=1, num_threads=3, prefetch_batches=4),
        numpy_loader(root, 8, seed=1, shuffle_buffer_records=1),
        numpy_loader(root, 8, seed=1, shuffle=False),
    )
    assert drain(others[0]) == first
    for loader in others[1:]:
        assert sorted(drain(loader)) == sorted(first)
    assert Counter(drain(numpy_loader(root, 8, seed=2))) != Counter(first)


def test_a_new_epoch_each_time(root: Path) -> None:
    loader = numpy_loader(root, seed=5)
    first, second = drain(loader), drain(loader)
    assert loader.epoch == 2 and sorted(first) != sorted(second)
    loader.set_epoch(0)
    assert drain(loader) == first and drain(loader) == second
    next(iter(loader))  # an abandoned epoch is not begun again
    assert loader.epoch == 2 and len(drain(loader)) == sum(SIZES) and loader.epoch == 4


@pytest.mark.parametrize("world_size", [2, 3])
def test_ranks_share_an_epoch(root: Path, world_size: int) -> None:
    loaders = [numpy_loader(root, 4, rank=r, world_size=world_size) for r in range(world_size)]
    shares = [image for loader in loaders for image in drain(loader)]
    assert Counter(shares) == Counter(drain(numpy_loader(root, 4)))
    assert len({len(loader) for loader in loaders}) == 1


@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_drop_last_leaves_full_batches_only(root: Path, world_size: int) -> None:
    for rank in range(world_size):
        loader = numpy_loader(root, 4, rank=rank, world_size=world_size, drop_last=True)
        sizes = [len(labels) for _, labels in loader]
        assert sizes == [4] * len(loader) and len(loader) == 31 // world_size // 4


def test_an_epoch_is_resumed_twice(root: Path) -> None:
    whole = numpy_loader(root, 4, seed=2)
    whole.set_epoch(1)
    expected = drain(whole) + drain(whole)
    drawn = []
    state = whole.state_dict() | {"epoch": 1, "batch": 0}
    for batches in (3, 2, None):
        loader = numpy_loader(root, 4, seed=2)
        loader.load_state_dict(state)
        for batch, (images, labels) in enumerate(loader, 1):
            drawn += [(i.tobytes(), int(label)) for i, label in zip(images, labels, strict=True)]
            if batch == batches:
                break
        state = loader.state_dict()
    assert state["epoch"] == 2 and state["batch"] == 0
    assert drawn + drain(loader) == expected


def test_a_state_goes_through_json_and_fits_one_order_only(root: Path) -> None:
    loader = numpy_loader(root, 4, n_scans=3)
    state = json.loads(json.dumps(loader.state_dict()))
    other = numpy_loader(root, 4, rank=1, world_size=2)
    with pytest.raises(UsageError, match="world_size: expected 2 as here, found 1"):
        other.load_state_dict(state)
    with pytest.raises(UsageError, match="batch_size"):
        numpy_loader(root, 8).load_state_dict(state)
    with pytest.raises(UsageError, match="images: expected 31 as here, found None"):
        loader.load_state_dict({})
    same = numpy_loader(root, 4)
    same.load_state_dict(state)
    assert same.n_scans == 3


# Fidelity, counters, properties


def test_n_scans_may_change_between_epochs_and_within_one(root: Path) -> None:
    loader = numpy_loader(root, 8, n_scans=2, transform=None)
    low = drain(loader)
    loader.n_scans, prefixes = 10, [record.prefix_bytes for record in loader.dataset.records]
    assert loader.bytes_read == sum(p[2] for p in prefixes)
    loader.set_epoch(0)
    assert drain(loader) != low and loader.n_scans == loader.levels == 10
    assert loader.bytes_read == sum(p[2] + p[10] for p in prefixes)
    options = {"shuffle": False, "read_ahead_records": 1, "prefetch_batches": 1}
    loader = numpy_loader(root, 2, n_scans=10, transform=None, **options)
    mixed = []
    for images, labels in loader:
        mixed += [(i.tobytes(), int(label)) for i, label in zip(images, labels, strict=True)]
        loader.n_scans = 1
    high = drain(numpy_loader(root, 2, transform=None, shuffle=False))
    assert mixed[:9] == high[:9] and mixed[-4:] != high[-4:]


def test_what_a_loader_tells(root: Path) -> None:
    loader = numpy_loader(root, rank=1, world_size=2)
    assert loader.classes == list(records.CLASSES)
    assert loader.class_to_idx == {"ant": 0, "bee": 1, "cat": 2}
    assert loader.num_images == 16 and loader.skipped == 0
    drain(loader)
    assert loader.wait_seconds > 0 and loader.read_wait_seconds > 0 and loader.bytes_read > 0


# Errors


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A dataset of which two images have no Huffman tables."""
    dataset = records.make_dataset(tmp_path / "d", (6, 6))
    path = dataset.record_path(1)
    data = path.read_bytes()
    record = dataset.read(1, 1)
    for image in (1, 4):
        head = record[image].tobytes()
        start, _ = jpegs.find(head, 0xC2)
        data = data.replace(head[start:][:40], head[start : start + 4] + bytes(36))
    path.write_bytes(data)
    return dataset.root


@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_an_error_names_the_image(damaged: Path, transform: Train | None) -> None:
    loader = numpy_loader(damaged, transform=transform, shuffle=False, verify_checksums=False)
    delivered = 0
    with pytest.raises(FormatError, match=r"PCR_1\.db: image bee/7\.jpg: "):
        for _, labels in loader:
            delivered += len(labels)
    assert delivered == 0 and loader.state_dict()["batch"] == 0


@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_another_image_stands_in_for_a_skipped_one(damaged: Path, transform: Train | None) -> None:
    options = {"transform": transform, "shuffle": False, "verify_checksums": False}
    loader = numpy_loader(damaged, 6, on_error="skip", **options)
    with pytest.warns(UserWarning, match=r"PCR_1\.db: image bee/7\.jpg: ") as caught:
        drawn = drain(loader)
    assert len(caught) == 1 and loader.skipped == 2 and len(drawn) == 12
    assert drawn[7] == drawn[8] and drawn[10] == drawn[11]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drain(loader)
    assert loader.skipped == 4
    with pytest.raises(FormatError, match="bee/7"):  # nothing to stand in for it
        drain(numpy_loader(damaged, 1, on_error="skip", **options))


def test_a_damaged_record_is_never_skipped(damaged: Path) -> None:
    with pytest.raises(FormatError, match=r"PCR_1\.db: expected checksum"):
        drain(numpy_loader(damaged, on_error="skip"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"n_scans": 11}, "expected n_scans between 1 and 10"),
        ({"batch_size": 0}, "batch_size: expected 1 or more, found 0"),
        ({"prefetch_batches": 0}, "prefetch_batches"),
        ({"read_ahead_records": 0}, "read_ahead_records"),
        ({"shuffle_buffer_records": 0}, "window of 1 record"),
        ({"num_threads": 0}, "num_threads"),
        ({"seed": -1}, "seed"),
        ({"rank": 2, "world_size": 2}, "expected a rank between 0 and 1"),
        ({"dtype": "int8"}, "dtype: expected one of uint8, float32"),
        ({"dtype": "bfloat16"}, "NumPy has no bfloat16"),
        ({"dtype": "float32", "transform": None}, "expected uint8 for whole images"),
        ({"layout": "CHWN"}, "layout"),
        ({"device": "cuda"}, "device: expected cpu for NumPy"),
        ({"output": "jax"}, "output"),
        ({"decoder": "turbo"}, "decoder: expected native or libjpeg, found 'turbo'"),
        ({"on_error": "ignore"}, "on_error"),
        ({"block_smoothing": True}, "block_smoothing"),
        ({"oversampling": 0.5}, "oversampling: expected 1 or more, found 0.5"),
    ],
)
def test_arguments_out_of_range(root: Path, options: dict[str, object], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        numpy_loader(root, **options)


def test_devices_that_are_not_there(root: Path) -> None:
    torch = pytest.importorskip("torch", reason="of the extra 'train'")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="device: expected one that is there"):
            PCRLoader(root, 8, device="cuda")
    with pytest.raises(UsageError, match="device"):
        PCRLoader(root, 8, device="meta")


def test_a_directory_without_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="expected a PCR dataset"):
        PCRLoader(tmp_path, 8)


# What is left behind


def entries(folder: str) -> int:
    return len(list(Path("/proc/self", folder).iterdir()))


def native_threads() -> int:
    return entries("task")


def settles_at(threads: int) -> bool:
    """Whether as many threads are left; the system forgets one a moment after it was joined."""
    for _ in range(100_000):
        if native_threads() == threads:
            return True
        os.sched_yield()
    return False


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")


@needs_proc
@pytest.mark.parametrize("transform", [SMALL, None], ids=["tensor", "whole"])
def test_nothing_runs_when_the_iterator_is_dropped(root: Path, transform: Train | None) -> None:
    loader = numpy_loader(root, 2, transform=transform)
    gc.collect()
    gc.disable()  # from here on reference counts alone must do
    try:
        before, files = native_threads(), entries("fd")
        batches = iter(loader)
        next(batches)
        assert native_threads() >= before + 3
        del batches
        assert settles_at(before)
        for _ in loader:
            break
        assert settles_at(before)
        drain(loader)
        assert settles_at(before) and entries("fd") == files
    finally:
        gc.enable()


@needs_proc
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_runs_after_an_exception_in_the_loop(
    root: Path, error: type[BaseException]
) -> None:
    before = native_threads()
    with pytest.raises(error), numpy_loader(root, 2) as loader:
        for _ in loader:
            raise error
    assert settles_at(before)
    with pytest.raises(error):
        for _ in numpy_loader(root, 2):
            raise error
    assert settles_at(before)


@needs_proc
def test_nothing_runs_after_an_error_of_the_loader(damaged: Path) -> None:
    before, python_threads = native_threads(), threading.active_count()
    loader = numpy_loader(damaged, 2)
    with pytest.raises(FormatError):
        drain(loader)
    assert settles_at(before)
    assert threading.active_count() == python_threads


def test_an_interpreter_ends_in_mid_epoch(root: Path) -> None:
    code = f"""
from pcr.loader import PCRLoader
loader = PCRLoader({str(root)!r}, 2, output="numpy")
batches = iter(loader)
next(batches)
raise SystemExit(3)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (3, b"")


def test_the_documentations_example(root: Path) -> None:
    pytest.importorskip("torch", reason="of the extra 'train'")
    page = (Path(__file__).parent.parent / "docs" / "LOADER.md").read_text(encoding="utf-8")
    example = page.split("```python\n")[1].split("```")[0].replace("pcr_dataset", str(root))
    exec(compile(example, "docs/LOADER.md", "exec"), {})
