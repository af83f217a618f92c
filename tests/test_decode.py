"""The native decoder against its oracles: libjpeg-turbo and Pillow."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from pcr import _native as native

FIXTURES = Path(__file__).parent / "data" / "decode"
SAMPLINGS = ("4:4:4", "4:2:2", "4:2:0")
EOI = b"\xff\xd9"
ORIENTATION_TAG = 0x0112


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """A detailed picture of the size that is asked for."""
    image = Image.fromarray(skimage.data.astronaut()[:400, 100:500])
    return image.resize((width, height), Image.Resampling.LANCZOS).convert(mode)


def encode(image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", **{"quality": 85, **options})
    return file.getvalue()


def pillow_rgb(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def scan_ends(jpeg: bytes) -> list[int]:
    """Where each scan's entropy-coded data ends."""
    ends, position = [], 2
    while jpeg[position + 1] != 0xD9:
        marker = jpeg[position + 1]
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        if marker == 0xDA:
            while not (
                jpeg[position] == 0xFF and jpeg[position + 1] not in (0, *range(0xD0, 0xD8))
            ):
                position += 1
            ends.append(position)
    return ends


def samples() -> dict[str, bytes]:
    files = {path.stem: path.read_bytes() for path in sorted(FIXTURES.glob("*.jpg"))}
    for progressive in (False, True):
        kind = "progressive" if progressive else "baseline"
        for sampling in SAMPLINGS:
            files[f"{kind} {sampling}"] = encode(
                picture(90, 67), subsampling=sampling, progressive=progressive
            )
        for mode in ("L", "CMYK"):
            files[f"{kind} {mode}"] = encode(picture(45, 52, mode), progressive=progressive)
    files["rgb"] = encode(picture(33, 21), keep_rgb=True)
    files["one pixel"] = encode(picture(1, 1), progressive=True)
    files["high quality"] = encode(picture(50, 40), quality=100, progressive=True)
    files["low quality"] = encode(picture(50, 40), quality=3, progressive=True)
    return files


SAMPLES = samples()
each_sample = pytest.mark.parametrize("jpeg", SAMPLES.values(), ids=SAMPLES.keys())


def coefficients_or_error(jpeg: bytes, decoder: str) -> list[np.ndarray] | str:
    try:
        return native.coefficients(jpeg, decoder, max_pixels=1 << 20)  # damaged sizes can be huge
    except native.DecodeError:
        return "error"


def assert_same_coefficients(jpeg: bytes) -> None:
    own = coefficients_or_error(jpeg, "native")
    reference = coefficients_or_error(jpeg, "libjpeg")
    if isinstance(own, str) or isinstance(reference, str):
        assert own == reference
        return
    for ours, theirs in zip(own, reference, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def decode(jpegs: list[bytes], size: tuple[int, int], **options: object) -> np.ndarray:
    """A batch of size (width, height), uint8 unless `dtype` says otherwise."""
    dtype = str(options.setdefault("dtype", "uint8"))
    element = {"uint8": np.uint8, "float32": np.float32}.get(dtype, np.uint16)
    width, height = size
    channels_last = options.get("layout") == "NHWC"
    shape = (height, width, 3) if channels_last else (3, height, width)
    out = np.full((len(jpegs), *shape), 77, element)
    pool = native.DecodePool(int(options.pop("num_threads", 1)))
    assert pool.decode_batch(*pack(jpegs), out, **options) == []
    return out


def pack(jpegs: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.cumsum([0, *map(len, jpegs)]).astype(np.int64)
    return np.frombuffer(b"".join(jpegs), np.uint8), offsets


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


# Coefficients


@each_sample
def test_coefficients_equal_libjpeg(jpeg: bytes) -> None:
    assert_same_coefficients(jpeg)


@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "arithmetic"])
def test_every_scan_prefix_is_decoded_natively(name: str) -> None:
    for end in scan_ends(SAMPLES[name]):
        prefix = SAMPLES[name][:end] + EOI
        assert native.decodes_natively(prefix)
        assert_same_coefficients(prefix)


def test_arithmetic_coding_is_left_to_libjpeg() -> None:
    jpeg = SAMPLES["arithmetic"]
    assert not native.decodes_natively(jpeg)
    np.testing.assert_array_equal(
        native.decode_rgb(jpeg), native.decode_rgb(jpeg, decoder="libjpeg")
    )


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.floats(0, 1), st.booleans())
def test_truncation_anywhere_gives_libjpegs_coefficients(
    name: str, part: float, with_eoi: bool
) -> None:
    jpeg = SAMPLES[name]
    assert_same_coefficients(jpeg[: int(len(jpeg) * part)] + (EOI if with_eoi else b""))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(SAMPLES)), st.data())
def test_damage_gives_libjpegs_coefficients(name: str, data: st.DataObject) -> None:
    jpeg = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(2, len(jpeg) - 1))
        jpeg[position] = data.draw(st.integers(0, 255))
    assert_same_coefficients(bytes(jpeg))


def test_a_scan_that_continues_none_is_left_to_libjpeg() -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    ends = scan_ends(jpeg)
    first, second = jpeg[ends[0] : ends[1]], jpeg[ends[1] : ends[2]]
    swapped = jpeg[: ends[0]] + second + first + first + jpeg[ends[2] :]
    assert not native.decodes_natively(swapped)
    assert_same_coefficients(swapped)


# Pixels


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 70),
    height=st.integers(1, 70),
    sampling=st.sampled_from(SAMPLINGS),
    mode=st.sampled_from(["RGB", "L", "CMYK"]),
    quality=st.integers(1, 100),
    progressive=st.booleans(),
)
def test_pixels_equal_pillow(
    width: int, height: int, sampling: str, mode: str, quality: int, progressive: bool
) -> None:
    options = {"subsampling": sampling} if mode == "RGB" else {}
    jpeg = encode(picture(width, height, mode), quality=quality, progressive=progressive, **options)
    np.testing.assert_array_equal(native.decode_rgb(jpeg), pillow_rgb(jpeg))


@each_sample
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_pixels_equal_libjpeg_at_every_scale(jpeg: bytes, scale: int) -> None:
    np.testing.assert_array_equal(
        native.decode_rgb(jpeg, scale=scale),
        native.decode_rgb(jpeg, decoder="libjpeg", scale=scale),
    )


@each_sample
def test_pixels_of_scan_prefixes_equal_libjpeg(jpeg: bytes) -> None:
    for end in scan_ends(jpeg)[:-1]:
        prefix = jpeg[:end] + EOI
        np.testing.assert_array_equal(
            native.decode_rgb(prefix), native.decode_rgb(prefix, decoder="libjpeg")
        )


@each_sample
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_a_crop_equals_the_crop_of_the_whole(jpeg: bytes, decoder: str) -> None:
    whole = native.decode_rgb(jpeg, decoder="libjpeg")
    height, width = whole.shape[:2]
    random = np.random.default_rng(len(jpeg))
    for _ in range(8):
        w, h = random.integers(1, [width + 1, height + 1])
        x, y = random.integers(0, [width - w + 1, height - h + 1])
        out = decode([jpeg], (w, h), boxes=boxes((x, y, w, h)), decoder=decoder)
        np.testing.assert_array_equal(out[0].transpose(1, 2, 0), whole[y : y + h, x : x + w])


def test_wide_image_crop_by_libjpeg_equals_the_whole() -> None:
    jpeg = encode(picture(400, 64), subsampling="4:2:0", progressive=True)
    whole = native.decode_rgb(jpeg, decoder="libjpeg")
    for x in range(100, 160):
        out = decode([jpeg], (70, 40), boxes=boxes((x, 9, 70, 40)), decoder="libjpeg")
        np.testing.assert_array_equal(out[0].transpose(1, 2, 0), whole[9:49, x : x + 70])


def test_block_smoothing_is_libjpegs_alone() -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    jpeg = jpeg[: scan_ends(jpeg)[0]] + EOI
    plain = native.decode_rgb(jpeg, decoder="libjpeg")
    smooth = native.decode_rgb(jpeg, decoder="libjpeg", block_smoothing=True)
    assert (plain != smooth).mean() > 0.5
    out = decode(
        [jpeg], (50, 40), boxes=boxes((9, 11, 50, 40)), decoder="libjpeg", block_smoothing=True
    )
    np.testing.assert_array_equal(out[0].transpose(1, 2, 0), smooth[11:51, 9:59])
    with pytest.raises(ValueError, match="libjpeg"):
        native.decode_rgb(jpeg, block_smoothing=True)


# Resizing


@pytest.mark.parametrize("size", [(224, 224), (61, 133), (300, 40), (7, 5)])
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_resizing_is_pillows_bilinear(size: tuple[int, int], decoder: str) -> None:
    jpeg = encode(picture(331, 257), progressive=True)
    crops = boxes((0, 0, 331, 257), (13, 31, 200, 150), (100, 50, 31, 63))
    flips = np.array([False, True, False])
    out = decode([jpeg] * 3, size, boxes=crops, flips=flips, decoder=decoder, oversampling=np.inf)
    whole = Image.open(io.BytesIO(jpeg))
    for image, (x, y, w, h), flip in zip(out, crops, flips, strict=True):
        expected = whole.crop((x, y, x + w, y + h)).resize(size, Image.Resampling.BILINEAR)
        if flip:
            expected = ImageOps.mirror(expected)
        error = np.abs(image.transpose(1, 2, 0).astype(int) - np.asarray(expected))
        assert error.mean() <= 0.3
        assert np.percentile(error, 99.9) <= 2


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_reduced_scale_resizes_libjpegs_reduced_picture(factor: int, decoder: str) -> None:
    jpeg = encode(picture(352, 288))
    size = (352 // factor - 3, 288 // factor - 2)
    out = decode([jpeg], size, decoder=decoder)
    reduced = Image.fromarray(native.decode_rgb(jpeg, decoder="libjpeg", scale=factor))
    expected = reduced.resize(size, Image.Resampling.BILINEAR)
    error = np.abs(out[0].transpose(1, 2, 0).astype(int) - np.asarray(expected))
    assert error.max() <= 1


def test_fractional_boxes_shift_the_picture() -> None:
    ramp = np.broadcast_to(np.arange(0, 240, 4, dtype=np.uint8), (40, 60))
    jpeg = encode(Image.fromarray(ramp), quality=100)
    crops = boxes((10, 10, 20, 20), (10.5, 10, 20, 20), (10, 10.5, 20, 20))
    out = decode([jpeg] * 3, (20, 20), boxes=crops, dtype="float32")
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert np.abs((out[1] - out[0])[inner] - 2).max() < 0.8
    assert np.abs((out[2] - out[0])[inner]).max() < 0.8


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("flip", [False, True])
def test_orientation_is_applied_before_crop_and_flip(orientation: int, flip: bool) -> None:
    image = picture(90, 67)
    exif = image.getexif()
    exif[ORIENTATION_TAG] = orientation
    jpeg = encode(image, exif=exif)
    shown = ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg)))
    crop = (5, 12, 50, 40)
    expected = shown.crop((5, 12, 55, 52)).resize((30, 45), Image.Resampling.BILINEAR)
    if flip:
        expected = ImageOps.mirror(expected)
    for layout in ("NCHW", "NHWC"):
        out = decode(
            [jpeg],
            (30, 45),
            boxes=boxes(crop),
            orientations=np.array([orientation], np.uint8),
            flips=np.array([flip]),
            layout=layout,
        )[0]
        out = out.transpose(1, 2, 0) if layout == "NCHW" else out
        assert np.abs(out.astype(int) - np.asarray(expected)).max() <= 1


# Output types


def test_normalised_types_follow_from_float32() -> None:
    jpeg = SAMPLES["baseline 4:2:0"]
    raw = decode([jpeg], (31, 29), dtype="float32")
    np.testing.assert_allclose(decode([jpeg], (31, 29)), raw, atol=0.5001)
    mean, std = (123.7, 116.3, 103.5), (58.4, 57.1, 57.4)
    options = {"mean": mean, "std": std}
    full = decode([jpeg], (31, 29), dtype="float32", **options)
    expected = (raw - np.reshape(mean, (1, 3, 1, 1))) / np.reshape(std, (1, 3, 1, 1))
    np.testing.assert_allclose(full, expected, atol=1e-5)
    half = decode([jpeg], (31, 29), dtype="float16", **options).view(np.float16)
    np.testing.assert_array_equal(half, full.astype(np.float16))
    brain = decode([jpeg], (31, 29), dtype="bfloat16", **options)
    restored = (brain.astype(np.uint32) << 16).view(np.float32)
    np.testing.assert_allclose(restored, full, rtol=2**-8)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float16", "bfloat16"])
def test_channels_last_holds_the_same_values(dtype: str) -> None:
    jpegs = [SAMPLES["baseline 4:2:0"], SAMPLES["progressive L"]]
    planar = decode(jpegs, (24, 17), dtype=dtype, mean=(1, 2, 3))
    interleaved = decode(jpegs, (24, 17), dtype=dtype, layout="NHWC", mean=(1, 2, 3))
    np.testing.assert_array_equal(interleaved, planar.transpose(0, 2, 3, 1))


def test_portable_kernels_agree() -> None:
    script = (
        "import sys, hashlib; sys.path[:0] = sys.argv[1].split('|')\n"
        "import test_decode as t\n"
        "print(t.digest())"
    )
    path = "|".join([str(Path(__file__).parent), *sys.path])
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, path],
            env={**os.environ, "PCR_FORCE_PORTABLE": forced},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for forced in ("0", "1")
    }
    assert len(digests) == 1


def digest() -> str:
    """A hash of what the kernels of this process make of all samples."""
    result = hashlib.sha256()
    for jpeg in SAMPLES.values():
        for plane in native.coefficients(jpeg):
            result.update(plane.tobytes())
        for scale in (1, 2, 4, 8):
            result.update(native.decode_rgb(jpeg, scale=scale).tobytes())
    return result.hexdigest()


# Batches


def test_result_does_not_depend_on_the_number_of_threads() -> None:
    jpegs = [jpeg for jpeg in SAMPLES.values() for _ in range(3)]
    expected = decode(jpegs, (32, 24), dtype="float32")
    for threads in (2, 5):
        np.testing.assert_array_equal(
            decode(jpegs, (32, 24), dtype="float32", num_threads=threads), expected
        )


def test_failing_images_are_named_and_zeroed() -> None:
    good = SAMPLES["baseline 4:2:0"]
    jpegs = [good, b"no JPEG at all", good, b"", good[:100], good]
    crops = boxes(*[(0, 0, 20, 20)] * 5, (80, 0, 20, 20))
    out = np.full((6, 3, 8, 8), 7, np.uint8)
    pool = native.DecodePool(2)
    errors = pool.decode_batch(*pack(jpegs), out, boxes=crops, dtype="uint8")
    assert [index for index, _ in errors] == [1, 3, 4, 5]
    assert "not inside the image of 90x67" in dict(errors)[5]
    assert all(message and "\n" not in message for _, message in errors)
    assert not out[[1, 3, 4, 5]].any()
    np.testing.assert_array_equal(out[0], out[2])
    assert out[0].any()
    assert pool.bytes_decoded == sum(map(len, jpegs))


@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_limits_on_pixels_and_scans(decoder: str) -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    with pytest.raises(native.DecodeError, match="90x67 pixels is above the limit of 100 pixels"):
        native.decode_rgb(jpeg, decoder=decoder, max_pixels=100)
    ends = scan_ends(jpeg)
    scan = jpeg[ends[0] : ends[1]]
    bomb = jpeg[: ends[0]] + scan * 150 + EOI
    with pytest.raises(native.DecodeError, match="more than 100 scans"):
        native.decode_rgb(bomb, decoder=decoder)


def test_headers() -> None:
    jpegs = [SAMPLES["progressive CMYK"], b"junk", SAMPLES["luma_ladder"], SAMPLES["baseline L"]]
    expected = [[45, 52, 4, 1], [0, 0, 0, 0], [83, 61, 3, 1], [45, 52, 1, 0]]
    assert native.headers(*pack(jpegs)).tolist() == expected


def test_arguments_that_do_not_fit_raise() -> None:
    pool = native.DecodePool(1)
    buffer, offsets = pack([SAMPLES["rgb"]])
    out = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(TypeError):
        pool.decode_batch(buffer, offsets.astype(np.int32), out)
    with pytest.raises(TypeError):
        pool.decode_batch(buffer, offsets, out, boxes=np.zeros((1, 4), np.float64))
    for bad in (
        {"dtype": "uint8"},
        {"dtype": "int4"},
        {"layout": "CHWN"},
        {"layout": "NHWC"},
        {"decoder": "magic"},
        {"std": (1, 0, 1)},
        {"boxes": np.zeros((2, 4), np.float32)},
        {"flips": np.zeros(3, bool)},
        {"block_smoothing": True},
        {"oversampling": 0.5},
    ):
        with pytest.raises(ValueError):
            pool.decode_batch(buffer, offsets, out, **bad)
    for bad_out in (
        out[:0],
        out.transpose(0, 1, 3, 2)[:, :, ::2],
        np.zeros((1, 3, 8, 0), np.float32),
    ):
        with pytest.raises(ValueError):
            pool.decode_batch(buffer, offsets, bad_out)
    with pytest.raises(ValueError, match="offsets"):
        pool.decode_batch(buffer, np.array([0, buffer.size + 1]), out)
    with pytest.raises(ValueError, match="thread"):
        native.DecodePool(0)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_pool_takes_its_threads_along() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    pool = native.DecodePool(3)
    assert threads() == before + 3
    del pool
    assert threads() == before
