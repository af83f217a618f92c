"""Packing scan groups and joining them, against protobuf and the plain-Python reference."""

from __future__ import annotations

import gc
import random

import numpy as np
import pytest
from helpers import jpegs, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr import jpeg
from pcr._generated.pcr_pb2 import RecordMetadata, ScanGroup
from pcr.errors import FormatError

RECORDS = st.integers(0, 5).flatmap(
    lambda images: st.lists(
        st.lists(st.binary(max_size=300), min_size=images, max_size=images),
        min_size=1,
        max_size=4,
    )
)
"""Parts of a few images at a few levels."""


def as_lists(joined):
    buffer, offsets = joined
    return bytes(buffer), [int(offset) for offset in offsets]


@given(parts=st.lists(st.binary(max_size=400)))
def test_pack_is_what_protobuf_writes(parts):
    message = jpeg.pack(parts)
    assert message == ScanGroup(image_bytes=parts).SerializeToString()
    assert list(ScanGroup.FromString(message).image_bytes) == parts


@given(record=RECORDS)
def test_join_agrees_with_the_reference(record):
    messages = [jpeg.pack(group) for group in record]
    assert as_lists(jpeg.join(messages)) == reference.join(record)


def test_joining_all_levels_gives_the_transcoded_files_and_fewer_their_prefixes(ladder):
    sources = [make() for make in jpegs.GOOD.values()]
    transcoded = [jpeg.transcode(source, ladder.scripts).tobytes() for source in sources]
    borders = [
        ladder.level_offsets(jpeg.header(data).components, jpeg.split(data)) for data in transcoded
    ]
    messages = [
        jpeg.pack([data[b[k] : b[k + 1]] for data, b in zip(transcoded, borders, strict=True)])
        for k in range(ladder.levels)
    ]
    for levels in range(1, ladder.levels + 1):
        buffer, offsets = jpeg.join(messages[:levels])
        assert buffer.dtype == np.uint8 and offsets.dtype == np.int64
        assert len(offsets) == len(sources) + 1 and offsets[-1] == len(buffer)
        for i, data in enumerate(transcoded):
            image = buffer[offsets[i] : offsets[i + 1]].tobytes()
            assert image == data[: borders[i][levels]] + b"\xff\xd9"
            if levels == ladder.levels:
                assert image == data


def test_any_buffer_of_bytes_will_do():
    message = jpeg.pack([b"abc", bytearray(b"de"), memoryview(b""), np.array([1, 2], np.uint8)])
    assert ScanGroup.FromString(message).image_bytes == [b"abc", b"de", b"", b"\1\2"]
    expected = as_lists(jpeg.join([message]))
    for wrap in (bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)):
        assert as_lists(jpeg.join([wrap(message)])) == expected


@pytest.mark.parametrize("function", [jpeg.join, jpeg.pack])
@pytest.mark.parametrize("wrong", [["text"], [np.zeros(2, np.int64)], [b"a", None], 5])
def test_other_objects_are_a_type_error(function, wrong):
    with pytest.raises(TypeError):
        function(wrong)


def test_joining_nothing():
    with pytest.raises(FormatError, match="at least one scan group"):
        jpeg.join([])
    assert as_lists(jpeg.join([b""])) == (b"", [0])


def test_a_different_number_of_images_names_the_level():
    messages = [jpeg.pack([b"a"] * images) for images in (3, 3, 2)]
    with pytest.raises(FormatError, match="level 3: expected 3 images, found 2"):
        jpeg.join(messages)


def test_fields_of_later_versions_are_skipped():
    later = RecordMetadata(labels=[1, 2], progressive_levels=7).SerializeToString()[4:]
    assert later  # field 2, which ScanGroup does not have
    message = later + jpeg.pack([b"abc"]) + later + jpeg.pack([b"de"])
    assert as_lists(jpeg.join([message])) == reference.join([[b"abc", b"de"]])


def test_every_truncation_is_refused_or_shorter():
    message = jpeg.pack([b"abc", b"", bytes(200)])
    for size in range(len(message)):
        cut = message[:size]
        try:
            expected = list(ScanGroup.FromString(cut).image_bytes)
        except Exception:
            with pytest.raises(FormatError, match="level 1: malformed message"):
                jpeg.join([cut])
        else:
            assert as_lists(jpeg.join([cut])) == reference.join([expected])


def test_damaged_messages_are_refused_or_read_as_protobuf_reads_them():
    message = jpeg.pack([b"abc", b"", bytes(200), b"d" * 130])
    generator = random.Random(3)
    outcomes = set()
    for _ in range(2000):
        damaged = bytearray(message)
        damaged[generator.randrange(len(message))] = generator.randrange(256)
        try:
            joined = as_lists(jpeg.join([damaged]))
        except FormatError:
            outcomes.add("refused")
            continue
        expected = list(ScanGroup.FromString(bytes(damaged)).image_bytes)
        assert joined == reference.join([expected])
        outcomes.add("read")
    assert outcomes == {"refused", "read"}


def test_a_lying_length_allocates_nothing():
    liar = b"\x0a\xff\xff\xff\xff\x07" + b"abc"  # an image of 2 GiB - 1 bytes, of which 3 follow
    with pytest.raises(FormatError, match="malformed message"):
        jpeg.join([liar])


def test_more_than_two_gib_are_refused_before_any_copy():
    part = np.zeros(1 << 20, np.uint8)
    with pytest.raises(FormatError, match="limit of 2147483648 bytes"):
        jpeg.pack([part] * 2048)
    message = jpeg.pack([part] * 16)
    with pytest.raises(FormatError, match="more than the limit of 2147483648"):
        jpeg.join([message] * 128)


def test_a_flood_of_empty_images_is_refused():
    with pytest.raises(FormatError, match="level 1: more than 1048576 images"):
        jpeg.join([b"\x0a\x00" * (2**20 + 1)])


@settings(max_examples=20)
@given(record=RECORDS)
def test_views_stay_valid_while_buffers_are_reused(record):
    messages = [jpeg.pack([part * 50 for part in group]) for group in record]
    expected = reference.join([[part * 50 for part in group] for group in record])
    view = jpeg.join(messages)[0][:]
    gc.collect()
    other = jpeg.join([jpeg.pack([b"\xee" * 5000])])
    assert view.tobytes() == expected[0]
    assert other[0][0] == 0xEE
