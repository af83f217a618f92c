"""Batches of the native decoder: types, layouts, instruction sets, threads, errors, arguments."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from helpers.decode_samples import EOI, SAMPLES, boxes, decode, scan_ends, whole_images
from helpers.instruction_sets import digests
from helpers.threads import all_gone_but, native_threads, needs_proc

from pcr import _native as native
from pcr.errors import FormatError
from pcr.loading.jpeg_batch import image_rows


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
    assert len(digests(__file__)) == 1


def digest() -> str:
    """A hash of what the kernels of this process make of all samples."""
    result = hashlib.sha256()
    for jpeg in SAMPLES.values():
        for plane in native.test_support.coefficients(jpeg):
            result.update(plane.tobytes())
        for scale in (1, 2, 4, 8):
            result.update(native.decode_rgb(jpeg, scale=scale).tobytes())
    return result.hexdigest()


def test_result_does_not_depend_on_the_number_of_threads() -> None:
    jpegs = [jpeg for jpeg in SAMPLES.values() for _ in range(3)]
    expected = decode(jpegs, (32, 24), dtype="float32")
    for threads in (2, 5):
        np.testing.assert_array_equal(
            decode(jpegs, (32, 24), dtype="float32", num_threads=threads), expected
        )


def test_failing_images_are_named_and_zeroed() -> None:
    good = SAMPLES["baseline 4:2:0"]
    jpegs = [good, b"not a JPEG at all", good, b"", good[:100], good]
    crops = boxes(*[(0, 0, 20, 20)] * 5, (80, 0, 20, 20))
    out = np.full((6, 3, 8, 8), 7, np.uint8)
    pool = native.DecodePool(2, dtype="uint8")
    errors = pool.begin(jpegs, out, whole_images(jpegs, box=crops)).wait()
    assert [index for index, _ in errors] == [1, 3, 4, 5]
    assert "not inside the image of 90x67" in dict(errors)[5]
    assert all(message and "\n" not in message for _, message in errors)
    assert not out[[1, 3, 4, 5]].any()
    np.testing.assert_array_equal(out[0], out[2])
    assert out[0].any()


@pytest.mark.parametrize("name", ["baseline 4:2:0", "progressive 4:2:0", "arithmetic"])
@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_what_was_cut_short_needs_an_eoi(name: str, decoder: str) -> None:
    jpeg = SAMPLES[name]
    cuts = [jpeg[: len(jpeg) * part // 8] for part in range(5, 8)] + [jpeg[:-1], jpeg[:-2]]
    pool = native.DecodePool(1, dtype="uint8", decoder=decoder)
    out = np.zeros((len(cuts), 3, 8, 8), np.uint8)
    errors = pool.begin(cuts, out).wait()
    assert [index for index, _ in errors] == list(range(len(cuts)))
    assert {message for _, message in errors} == {
        "truncated JPEG: expected EOI at its end, found none"
    }
    for cut in cuts:
        with pytest.raises(FormatError, match="truncated JPEG"):
            native.decode_rgb(cut, decoder=decoder)
        assert native.decode_rgb(cut + EOI, decoder=decoder).any()
    assert pool.begin([jpeg + b"more"], out).wait() == []


@pytest.mark.parametrize("decoder", ["native", "libjpeg"])
def test_limits_on_pixels_and_scans(decoder: str) -> None:
    jpeg = SAMPLES["progressive 4:2:0"]
    with pytest.raises(FormatError, match="90 x 67 pixels exceeds the limit of 100 pixels"):
        native.decode_rgb(jpeg, decoder=decoder, max_pixels=100)
    ends = scan_ends(jpeg)
    scan = jpeg[ends[0] : ends[1]]
    bomb = jpeg[: ends[0]] + scan * 150 + EOI
    with pytest.raises(FormatError, match="more than 100 scans"):
        native.decode_rgb(bomb, decoder=decoder)


def test_picture_sizes_of_whole_cut_and_other_files() -> None:
    jpegs = [SAMPLES["progressive CMYK"], b"junk", SAMPLES["luma_ladder"], SAMPLES["baseline L"]]
    expected = [[45, 52], [0, 0], [83, 61], [45, 52]]
    assert native.picture_sizes(jpegs).tolist() == expected
    cut = [jpeg[: len(jpeg) * 3 // 4] for jpeg in jpegs]
    assert native.picture_sizes(cut).tolist() == expected
    assert native.picture_sizes([]).shape == (0, 2)


def test_images_are_spans_of_buffers() -> None:
    first, second = SAMPLES["rgb"], SAMPLES["progressive CMYK"]
    buffers = [first + second, b"junk" + first]
    places = [[0, len(first), len(first + second)], [1, 4, 4 + len(first)], [0, 0, len(first)]]
    spans = np.array(places, dtype=np.int64)
    pool, jpegs = native.DecodePool(2, dtype="uint8"), [second, first, first]
    sizes = native.picture_sizes(jpegs)
    boxes = np.concatenate([np.zeros_like(sizes), sizes], axis=1)
    images = whole_images(jpegs, span=spans, box=boxes)
    found, expected = np.zeros((2, 3, 3, 8, 8), np.uint8)
    assert pool.begin(buffers, found, images).wait() == []
    assert pool.begin(jpegs, expected).wait() == []
    assert np.array_equal(found, expected)
    assert np.array_equal(native.picture_sizes(buffers, images["span"]), sizes)


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_can_be_under_way_at_once(threads: int) -> None:
    pool = native.DecodePool(threads, dtype="uint8")
    jpegs = [SAMPLES["rgb"], b"junk", SAMPLES["luma_ladder"]]
    expected = np.zeros((3, 3, 8, 8), np.uint8)
    errors = pool.begin(jpegs, expected).wait()
    outs = np.ones((20, 3, 3, 8, 8), np.uint8)
    jobs = [pool.begin(jpegs, out) for out in outs]
    del pool
    assert [job.wait() for job in reversed(jobs)] == [errors] * 20
    assert np.array_equal(outs, [expected] * 20)


def test_a_batch_that_nobody_waits_for_is_left_alone_once_it_is_dropped() -> None:
    pool, out = native.DecodePool(2, dtype="uint8"), np.zeros((500, 3, 64, 64), np.uint8)
    job = pool.begin([SAMPLES["progressive CMYK"]] * 500, out)
    del job
    found = out.copy()
    assert pool.begin([SAMPLES["rgb"]], np.zeros((1, 3, 8, 8), np.uint8)).wait() == []
    assert np.array_equal(out, found)


def test_stages_are_timed() -> None:
    pool, out = native.DecodePool(2, dtype="uint8"), np.zeros((9, 3, 8, 8), np.uint8)
    assert set(pool.stage_seconds().values()) == {0}
    pool.begin([SAMPLES["rgb"]] * 9, out).wait()
    seconds = pool.stage_seconds()
    assert list(seconds) == ["entropy", "resample", "transform"] and min(seconds.values()) > 0


@pytest.mark.parametrize(
    "span", [(2, 0, 1), (-1, 0, 1), (0, -1, 1), (0, 2, 1), (0, 0, 5), (1, 9, 9)]
)
def test_spans_outside_of_buffers_raise(span: tuple[int, int, int]) -> None:
    spans = np.array([(0, 0, 4), span], dtype=np.int64)
    with pytest.raises(ValueError, match="span 1 is not inside a buffer"):
        native.picture_sizes([b"four", b""], spans)
    pool, out = native.DecodePool(1, dtype="uint8"), np.zeros((2, 3, 8, 8), np.uint8)
    with pytest.raises(ValueError, match="span 1 is not inside a buffer"):
        pool.begin([b"four", b""], out, image_rows(2, span=spans))
    with pytest.raises(ValueError, match="expected"):
        native.picture_sizes([b"four"], spans[:, :2].copy())


def test_arguments_that_do_not_fit_raise() -> None:
    pool = native.DecodePool(1)
    jpegs = [SAMPLES["rgb"]]
    out = np.zeros((1, 3, 8, 8), np.float32)
    with pytest.raises(TypeError):
        pool.begin([np.zeros(9, np.int32)], out)
    for images in (np.zeros((1, 4), np.float32), image_rows(1).view(np.uint8)):
        with pytest.raises(TypeError):
            pool.begin(jpegs, out, images)
    for bad in (
        {"dtype": "int4"},
        {"layout": "CHWN"},
        {"decoder": "magic"},
        {"std": (1, 0, 1)},
        {"oversampling": 0.5},
    ):
        with pytest.raises(ValueError):
            native.DecodePool(1, **bad)
    for other in ({"dtype": "uint8"}, {"layout": "NHWC"}):
        with pytest.raises(ValueError):
            native.DecodePool(1, **other).begin(jpegs, out)
    with pytest.raises(ValueError):
        pool.begin(jpegs, out, image_rows(2, span=[(0, 0, 1)] * 2))
    with pytest.raises(ValueError):
        pool.begin(jpegs, out, image_rows(1).reshape(1, 1))
    for bad_out in (
        out[:0],
        out.transpose(0, 1, 3, 2)[:, :, ::2],
        np.zeros((1, 3, 8, 0), np.float32),
    ):
        with pytest.raises(ValueError):
            pool.begin(jpegs, bad_out)
    with pytest.raises(ValueError, match="thread"):
        native.DecodePool(0)


@needs_proc
def test_a_pool_takes_its_threads_along() -> None:
    before = native_threads()
    pool = native.DecodePool(3)
    assert len(native_threads() - before) == 3
    del pool
    assert all_gone_but(before)
