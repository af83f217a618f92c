"""Records as TFRecord files of ``tf.train.Example``, for comparison.

Each Example has the features of TensorFlow's ImageNet scripts: ``image/encoded`` (the JPEG),
``image/class/label`` (int64, from 0), ``image/filename``, ``image/height`` and ``image/width``.
Beside each file lies the index that NVIDIA DALI's TFRecord reader needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from pcr.atomic import atomic_path
from pcr.conversion.encode import EncodedImage
from pcr.errors import UsageError
from pcr.extras import how_to_install
from pcr.jpeg import EOI

INDEX_SUFFIX = ".idx"


def check_installed() -> None:
    """Raise UsageError, saying what to install, where the library is missing."""
    try:
        import tfrecord  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        raise UsageError(
            f"expected the package tfrecord, found none: {how_to_install('tfrecord')}", "tf_records"
        ) from None


def write_tfrecord(path: Path, index: Path, images: Iterable[EncodedImage]) -> None:
    """Write the images as one TFRecord file, and an index of it for DALI."""
    from tfrecord.tools.tfrecord2idx import create_index  # type: ignore[import-untyped]
    from tfrecord.writer import TFRecordWriter  # type: ignore[import-untyped]

    with atomic_path(path) as temporary, closing(TFRecordWriter(str(temporary))) as writer:
        for image in images:
            writer.write(_features(image))
        writer.file.flush()
    with atomic_path(index) as temporary:
        create_index(str(path), str(temporary))


def _features(image: EncodedImage) -> dict[str, tuple[object, str]]:
    data = image.jpeg[: image.level_offsets[-1]].tobytes() + EOI
    return {
        "image/encoded": (data, "byte"),
        "image/class/label": (image.sample.label, "int"),
        "image/filename": (os.fsencode(image.sample.name), "byte"),
        "image/height": (image.header.height, "int"),
        "image/width": (image.header.width, "int"),
    }
