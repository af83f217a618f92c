"""Everything that decides which bytes a conversion writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, cast, get_args

from pcr.arguments import check_between, check_choice
from pcr.dataset import layout
from pcr.dataset.messages import DatasetInfo
from pcr.errors import DatasetError, UsageError
from pcr.jpeg import MAX_PIXELS, CopyMarkers
from pcr.ladder import Ladder

OnBadImage = Literal["fail", "skip", "reencode"]
LOSSLESS = 100  # the static_compression that re-encodes nothing, as in the paper's release


@dataclass(frozen=True)
class ConversionOptions:
    """What to write, and what to do with bad images. Raises UsageError for values out of range.

    ladder: the scan script and its levels; default ``Ladder.load("vision")``.
    images_per_record: 1 to 1 048 576 images; default 1024. A record ends earlier where its sources
        reach 256 MiB.
    seed: of the order of the images, 0 to 2**63 - 1; default 0.
    shuffle: False keeps the order of the source; default True.
    copy_markers: which markers the dataset keeps besides those that decoding needs: "none" (the
        default), "exif" or "all".
    restart_rows: put a restart marker after each so many rows of MCUs (blocks of 8 or 16 pixels) into
        every scan, so that the loader's decoder can begin at the rows that a crop shows; 0 to 65535.
        Default 0: none. Sources rewritten by ``convert_images`` get them too.
    max_pixels: the largest image to accept, in pixels; default 178 956 970, Pillow's limit.
    on_bad_image: what to do with a file that is damaged or anything but a JPEG: "fail" (the
        default), "skip", or "reencode" what Pillow can decode.
    quality: JPEG quality of images re-encoded by ``on_bad_image``, 1 to 100; default 95.
    static_compression: re-encode every image at this JPEG quality, 1 to 99; default 100: none.
    duplicate_dataset_factor: take every image this many times, 1 to 1000; default 1.
    tf_records: write each record as a TFRecord file too, which needs the package ``tfrecord``;
        default False.
    convert_images: rewrite the source files in place, without loss, with the scans of the ladder;
        the report lists those that can't be, and are left alone. Default False: sources are never
        touched.
    image_column: of a source with columns, the one with the images, or their paths; default: by name.
    label_column: of a source with columns, the one with the classes' names or numbers; default:
        "label", or "cls" of WebDataset; without it the images' folders are the classes.
    column_types: the types of columns, such as ``{"boxes": "float32[?,4]"}``; default: those that
        the source says or that hold all values, and with ``append`` the dataset's.
    columns_beside: names of columns to keep out of the records, in files that are read only where
        the column is asked for, as large ones are anyway; default: none. Not with ``append``.
    """

    ladder: Ladder = field(default_factory=Ladder.default)
    images_per_record: int = 1024
    seed: int = 0
    shuffle: bool = True
    copy_markers: CopyMarkers = "none"
    restart_rows: int = 0
    max_pixels: int = MAX_PIXELS
    on_bad_image: OnBadImage = "fail"
    quality: int = 95
    static_compression: int = LOSSLESS
    duplicate_dataset_factor: int = 1
    tf_records: bool = False
    convert_images: bool = False
    image_column: str | None = None
    label_column: str | None = None
    column_types: Mapping[str, str] | None = None
    columns_beside: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.ladder, Ladder):
            raise UsageError(f"expected a Ladder, found {self.ladder!r}", "ladder")
        if not self.ladder.is_complete:
            raise UsageError(
                "expected a ladder that sends all bits of every coefficient, "
                f"found {self.ladder.name}, which does not",
                "ladder",
            )
        for name, least, most in (
            ("images_per_record", 1, layout.MAX_RECORD_IMAGES),
            ("seed", 0, 2**63 - 1),
            ("restart_rows", 0, layout.MAX_RESTART_ROWS),
            ("max_pixels", 1, 65535**2),
            ("quality", 1, 100),
            ("static_compression", 1, 100),
            ("duplicate_dataset_factor", 1, 1000),
        ):
            check_between(least, most, **{name: getattr(self, name)})
        for name, choices in (
            ("copy_markers", get_args(CopyMarkers)),
            ("on_bad_image", get_args(OnBadImage)),
        ):
            check_choice(choices, **{name: getattr(self, name)})
        if self.convert_images and self.static_compression != LOSSLESS:
            raise UsageError(
                "cannot be combined with `static_compression`, because re-encoding the sources loses "
                "quality for good: with `static_compression` alone the dataset is re-encoded, and "
                "the sources stay as they are",
                "convert_images",
            )

    @classmethod
    def of_dataset(cls, info: DatasetInfo, **changes: Any) -> ConversionOptions:
        """The options to append to a dataset: those that it was made with, but for ``changes``."""
        markers = info.copied_markers if info.copied_markers in get_args(CopyMarkers) else "none"
        kept: dict[str, Any] = {
            "images_per_record": info.images_per_record,
            "seed": info.seed,
            "copy_markers": cast(CopyMarkers, markers),
            "restart_rows": info.restart_rows,
        }
        if "ladder" not in changes:
            kept["ladder"] = _ladder_to_append_with(info)
        return cls(**{**kept, **changes})

    def identity(self) -> dict[str, Any]:
        """The options as a later run must give them again to resume this conversion."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        beside = None if self.columns_beside is None else list(self.columns_beside)
        ladder = [self.ladder.name, self.ladder.text]
        return {**values, "ladder": ladder, "columns_beside": beside}


def _ladder_to_append_with(info: DatasetInfo) -> Ladder:
    ladder = info.ladder
    if not ladder.is_complete:
        raise DatasetError(
            f"expected a dataset with all levels to append to, found a copy with the first "
            f"{info.levels} alone: append to the dataset that it was copied from"
        )
    return ladder
