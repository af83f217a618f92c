"""Parts of a record: a few images are encoded and packed together, a record is written of its parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from pcr import jpeg
from pcr.conversion.column_values import column_values, write_columns_beside
from pcr.conversion.encode import EncodedImage, Problem, encode_source
from pcr.conversion.journal import FinishedRecord
from pcr.conversion.plan import Plan
from pcr.conversion.tfrecord import INDEX_SUFFIX, write_tfrecord
from pcr.dataset import layout
from pcr.dataset.messages import ImageInfo, RecordInfo
from pcr.dataset.writer import write_record
from pcr.imagefolder import Sample
from pcr.storage.retries import nobody_waits
from pcr.storage.store import Store

# A part is so large that handing it from thread to thread costs next to nothing, and so small that
# it is packed while it is in the processor's caches, that all threads have enough to do, and that a
# conversion ends soon when it is stopped.
_MOST_IMAGES = 16
_MOST_SOURCE_BYTES = 2**20
_PARTS_PER_THREAD = 4


@dataclass(frozen=True)
class RecordPart:
    """What came of neighbouring images of a record.

    samples, infos: those of the images that are in it. groups: a serialized ScanGroup of them for
    each level. images: for TFRecords, which need them whole; else none.
    """

    samples: tuple[Sample, ...]
    infos: tuple[ImageInfo, ...]
    problems: tuple[Problem, ...]
    groups: tuple[bytes, ...]
    images: tuple[EncodedImage, ...]


def divide(plan: Plan, record: int, threads: int) -> Iterator[range]:
    """The positions in the plan of the images of a record, a part at a time, for so many threads."""
    images = plan.record_range(record)
    most_images = max(1, min(_MOST_IMAGES, len(images) // (threads * _PARTS_PER_THREAD)))
    first, part_bytes = images.start, 0
    for i in images:
        part_bytes += plan.source_bytes[i]
        if i - first == most_images or (i > first and part_bytes > _MOST_SOURCE_BYTES):
            yield range(first, i)
            first, part_bytes = i, plan.source_bytes[i]
    if first < images.stop:
        yield range(first, images.stop)


def encode_part(plan: Plan, positions: range) -> RecordPart:
    """Encode and pack the images at these positions in the plan; raises as `encode_source`.

    Once nobody waits for what this thread makes (`give_up_when`), no further image is begun.
    """
    options, is_stopping = plan.options, nobody_waits()
    begun = takewhile(lambda _: not is_stopping(), positions)
    sources = [encode_source(plan.source, plan.samples[i], options) for i in begun]
    images = tuple(source.image for source in sources if source.image is not None)
    levels = range(1, options.ladder.levels + 1)
    return RecordPart(
        samples=tuple(image.sample for image in images),
        infos=tuple(image.info() for image in images),
        problems=tuple(source.problem for source in sources if source.problem is not None),
        groups=tuple(jpeg.pack([image.level(level) for image in images]) for level in levels),
        images=images if options.tf_records else (),
    )


def write_record_files(
    plan: Plan, parts: Sequence[RecordPart], output: Store, number: int
) -> FinishedRecord:
    """Write the files of record ``number``; what the journal and the index keep of them."""
    samples = [sample for part in parts for sample in part.samples]
    images = tuple(image for part in parts for image in part.infos)
    values = column_values(plan.source, plan.columns, samples)
    if plan.options.tf_records:
        file = layout.tfrecord_file(number)
        whole = [image for part in parts for image in part.images]
        with output.placing(file) as path, output.placing(file + INDEX_SUFFIX) as index_path:
            write_tfrecord(path, index_path, whole)
    within = {column.name: data for column, data in values.items() if not column.beside}
    beside = write_columns_beside(output, number, values)
    labels = np.array([sample.label for sample in samples], dtype=np.int32)
    info = RecordInfo(labels, plan.options.ladder.levels, images)
    groups = [[part.groups[level] for part in parts] for level in range(info.levels)]
    with output.placing(layout.record_file(number)) as path:
        written = write_record(path, info, groups, within)
    return FinishedRecord(
        written.index,
        sum(image.source_bytes for image in images),
        tuple(problem for part in parts for problem in part.problems),
        (*written.columns, *beside),
    )
