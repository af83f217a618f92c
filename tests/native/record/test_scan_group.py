"""Packing scan groups and joining them, against protobuf and the plain-Python reference."""

from __future__ import annotations

import random

import numpy as np
import pytest
from helpers import jpegs, reference
from hypothesis import given, settings
from hypothesis import strategies as st

from pcr import _native as native
from pcr import jpeg
from pcr._generated.pcr_pb2 import ImageMetadata, RecordMetadata, ScanGroup
from pcr.dataset.record import join_groups
from pcr.errors import FormatError

RECORDS = st.integers(0, 5).flatmap(
    lambda images: st.lists(
        st.lists(st.binary(max_size=300), min_size=images, max_size=images),
        min_size=1,
        max_size=4,
    )
)
"""Parts of a few images at a few levels."""


def metadata_of(record: list[list[bytes]]) -> bytes:
    """The metadata of a record whose level k + 1 holds ``record[k]``."""
    images = [ImageMetadata(level_bytes=map(len, parts)) for parts in zip(*record, strict=True)]
    labels = range(len(images))
    return RecordMetadata(
        labels=labels, progressive_levels=len(record), images=images
    ).SerializeToString()


def join(record: list[list[bytes]], messages: list) -> tuple[bytes, list[int]]:
    """``messages`` joined by ``record``'s metadata: the images' bytes and offsets."""
    joined = join_groups(metadata_of(record), messages)
    assert joined.labels.tolist() == list(range(len(record[0])))
    return joined.data.tobytes(), joined.offsets.tolist()


@given(parts=st.lists(st.binary(max_size=400)))
def test_pack_is_what_protobuf_writes(parts):
    message = jpeg.pack(parts)
    assert message == ScanGroup(image_bytes=parts).SerializeToString()
    assert list(ScanGroup.FromString(message).image_bytes) == parts


@given(parts=st.lists(st.binary(max_size=400)), first=st.integers(0, 10))
def test_messages_one_after_another_are_that_of_all(parts, first):
    assert jpeg.pack(parts[:first]) + jpeg.pack(parts[first:]) == jpeg.pack(parts)


@given(record=RECORDS, chunk_bytes=st.integers(1, 400))
def test_join_agrees_with_the_reference(record, chunk_bytes):
    messages = [jpeg.pack(group) for group in record]
    assert join(record, messages) == reference.join(record)
    joiner = native.RecordJoiner(metadata_of(record), len(record))
    for level, message in enumerate(messages, start=1):
        for start in range(0, len(message), chunk_bytes):
            joiner.feed(level, message[start : start + chunk_bytes])
    data, offsets, _ = joiner.finish()
    assert (data.tobytes(), offsets.tolist()) == reference.join(record)


def test_joining_all_levels_gives_the_transcoded_files_and_fewer_their_prefixes(ladder):
    sources = [make() for make in jpegs.GOOD.values()]
    rewritten = [jpeg.rewrite(source, ladder.scripts) for source in sources]
    offsets = [ladder.level_offsets(r.source.components, r.borders) for r in rewritten]
    files = [r.data.tobytes() for r in rewritten]
    record = [
        [data[b[k] : b[k + 1]] for data, b in zip(files, offsets, strict=True)]
        for k in range(ladder.levels)
    ]
    messages = [jpeg.pack(group) for group in record]
    for levels in range(1, ladder.levels + 1):
        buffer, ends = join(record, messages[:levels])
        assert len(ends) == len(sources) + 1 and ends[-1] == len(buffer)
        for i, data in enumerate(files):
            image = buffer[ends[i] : ends[i + 1]]
            assert image == data[: offsets[i][levels]] + b"\xff\xd9"
            if levels == ladder.levels:
                assert image == data


def test_any_buffer_of_bytes_will_do():
    message = jpeg.pack([b"abc", bytearray(b"de"), memoryview(b""), np.array([1, 2], np.uint8)])
    parts = [b"abc", b"de", b"", b"\1\2"]
    assert ScanGroup.FromString(message).image_bytes == parts
    for wrap in (bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)):
        joined = join_groups(wrap(metadata_of([parts])), [wrap(message)])
        assert (joined.data.tobytes(), joined.offsets.tolist()) == reference.join([parts])
        assert joined.data.dtype == np.uint8 and joined.offsets.dtype == np.int64


@pytest.mark.parametrize("wrong", ["text", np.zeros(2, np.int64), None, 5])
def test_other_objects_are_a_type_error(wrong):
    with pytest.raises(TypeError):
        jpeg.pack([b"a", wrong])
    with pytest.raises(TypeError):
        join_groups(metadata_of([[b"a"]]), [wrong])
    with pytest.raises(TypeError):
        join_groups(wrong, [jpeg.pack([b"a"])])


def test_joining_nothing():
    with pytest.raises(FormatError, match="expected a record of 0 to 100 levels, found 1"):
        join_groups(metadata_of([[]]), [])
    assert join([[]], [b""]) == (b"", [0])


@pytest.mark.parametrize("found", [[b"a"], [b"a", b"bc"], [b"a", b"", b"b"], [b"", b"a"]])
def test_other_images_than_promised_name_the_level(found):
    record = [[b"a", b"b"]] * 3
    messages = [jpeg.pack(group) for group in record]
    with pytest.raises(FormatError, match=r"level [23]: expected"):
        join(record, [messages[0], jpeg.pack(found), messages[2]])
    with pytest.raises(FormatError, match="level 3: expected"):
        join(record, [*messages[:2], jpeg.pack(found)])


def test_fields_of_later_versions_are_skipped_in_the_metadata():
    record = [[b"abc", b"de"]]
    later = ImageMetadata(level_bytes=[7]).SerializeToString()  # field 6, which it does not have
    metadata = later + metadata_of(record) + later
    joined = join_groups(metadata, [jpeg.pack(record[0])])
    assert (joined.data.tobytes(), joined.offsets.tolist()) == reference.join(record)


def varint(number: int) -> bytes:
    """A whole number as protobuf writes it."""
    rest = number >> 7
    return bytes([number & 127 | (128 if rest else 0)]) + (varint(rest) if rest else b"")


def test_numbers_may_be_packed_or_not():
    record = [[b"abc", b"d" * 200]]
    parts = [
        b"".join(b"\x30" + varint(len(part)) for part in group)
        for group in zip(*record, strict=True)
    ]
    images = b"".join(b"\x1a" + varint(len(part)) + part for part in parts)
    metadata = b"\x08\x05" + b"\x10\x01" + images + b"\x0a\x01\x07"
    parsed = RecordMetadata.FromString(metadata)
    joined = join_groups(metadata, [jpeg.pack(record[0])])
    assert joined.labels.tolist() == list(parsed.labels) == [5, 7]
    assert [list(image.level_bytes) for image in parsed.images] == [[3], [200]]
    assert (joined.data.tobytes(), joined.offsets.tolist()) == reference.join(record)


def test_every_truncation_is_refused():
    record = [[b"abc", b"", bytes(200)]]
    message = jpeg.pack(record[0])
    for size in range(len(message)):
        with pytest.raises(FormatError, match="level 1: expected"):
            join(record, [message[:size]])
    metadata = metadata_of(record)
    for size in range(len(metadata)):
        with pytest.raises(FormatError):
            join_groups(metadata[:size], [message])


def test_damaged_messages_are_refused_or_read_as_protobuf_reads_them():
    record = [[b"abc", b"", bytes(200), b"d" * 130]]
    message = jpeg.pack(record[0])
    generator = random.Random(3)
    outcomes = set()
    for _ in range(2000):
        damaged = bytearray(message)
        damaged[generator.randrange(len(message))] = generator.randrange(256)
        try:
            joined = join(record, [damaged])
        except FormatError:
            outcomes.add("refused")
            continue
        expected = list(ScanGroup.FromString(bytes(damaged)).image_bytes)
        assert joined == reference.join([expected])
        outcomes.add("read")
    assert outcomes == {"refused", "read"}


def test_more_than_two_gib_are_refused_before_any_copy():
    part = np.zeros(1 << 20, np.uint8)
    with pytest.raises(FormatError, match="limit of 2147483648 bytes"):
        jpeg.pack([part] * 2048)
    liar = ImageMetadata(level_bytes=[(1 << 31) + 1])
    metadata = RecordMetadata(labels=[0], progressive_levels=1, images=[liar])
    with pytest.raises(FormatError, match="more image bytes than the limit of 2147483648"):
        join_groups(metadata.SerializeToString(), [b""])


@settings(max_examples=20)
@given(record=RECORDS)
def test_views_stay_valid_while_buffers_are_reused(record):
    record = [[part * 50 for part in group] for group in record]
    messages = [jpeg.pack(group) for group in record]
    view = join_groups(metadata_of(record), messages).data[:]
    other = join_groups(metadata_of([[b"\xee" * 5000]]), [jpeg.pack([b"\xee" * 5000])])
    assert view.tobytes() == reference.join(record)[0]
    assert other.data[0] == 0xEE
