"""A record while its images are encoded, and how it is written."""

from __future__ import annotations

import numpy as np

from pcr import jpeg
from pcr.conversion.column_values import column_values, write_columns_beside
from pcr.conversion.encode import EncodedImage, EncodedSource, Problem
from pcr.conversion.journal import FinishedRecord
from pcr.conversion.plan import Plan
from pcr.conversion.tfrecord import INDEX_SUFFIX, write_tfrecord
from pcr.dataset import layout
from pcr.dataset.messages import ImageInfo, RecordInfo
from pcr.dataset.writer import write_record
from pcr.imagefolder import Sample
from pcr.storage.store import Store

_PACKED_TOGETHER = 16  # images: they are still in the processor's caches


class RecordBuilder:
    """One record of a plan, which grows image by image.

    Its scan groups are packed while other threads encode, so that little is left to do when the
    last image comes, and images need not be kept besides.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._samples: list[Sample] = []
        self._infos: list[ImageInfo] = []
        self._problems: list[Problem] = []
        self._groups = [bytearray() for _ in range(plan.options.ladder.levels)]
        self._unpacked: list[EncodedImage] = []
        self._images: list[EncodedImage] = []  # for TFRecords, which need them whole

    def add(self, source: EncodedSource) -> None:
        """Take in the next image of the record, or note why there is none."""
        if source.problem is not None:
            self._problems.append(source.problem)
        if source.image is None:
            return
        self._samples.append(source.image.sample)
        self._infos.append(source.image.info())
        self._unpacked.append(source.image)
        if self._plan.options.tf_records:
            self._images.append(source.image)
        if len(self._unpacked) == _PACKED_TOGETHER:
            self._pack()

    def write(self, output: Store, number: int) -> FinishedRecord:
        """Write the files of record ``number``; what the journal and the index keep of them."""
        self._pack()
        values = column_values(self._plan.source, self._plan.columns, self._samples)
        if self._plan.options.tf_records:
            file = layout.tfrecord_file(number)
            with output.placing(file) as path, output.placing(file + INDEX_SUFFIX) as index_path:
                write_tfrecord(path, index_path, self._images)
        within = {column.name: data for column, data in values.items() if not column.beside}
        beside = write_columns_beside(output, number, values)
        with output.placing(layout.record_file(number)) as path:
            written = write_record(path, self._info(), self._groups, within)
        source_bytes = sum(info.source_bytes for info in self._infos)
        columns = (*written.columns, *beside)
        return FinishedRecord(written.index, source_bytes, tuple(self._problems), columns)

    def _pack(self) -> None:
        for level, group in enumerate(self._groups, start=1):
            jpeg.pack([image.level(level) for image in self._unpacked], group)
        self._unpacked.clear()

    def _info(self) -> RecordInfo:
        labels = np.array([sample.label for sample in self._samples], dtype=np.int32)
        return RecordInfo(labels, len(self._groups), tuple(self._infos))
