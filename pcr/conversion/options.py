"""Everything that decides which bytes a conversion writes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from pcr.dataset import layout
from pcr.errors import UsageError
from pcr.jpeg import MAX_PIXELS, CopyMarkers
from pcr.ladder import Ladder

OnBadImage = Literal["fail", "skip", "reencode"]


@dataclass(frozen=True)
class ConversionOptions:
    """The choices that a conversion's flags of the same names make."""

    ladder: Ladder
    batch_size: int = 1024
    seed: int = 0
    shuffle: bool = True
    copy_markers: CopyMarkers = "none"
    max_pixels: int = MAX_PIXELS
    on_bad_image: OnBadImage = "fail"
    quality: int = 95
    static_compression: int | None = None
    duplicate_dataset_factor: int = 1
    tf_records: bool = False
    convert_images: bool = False

    def __post_init__(self) -> None:
        for flag, value, least, most in (
            ("--batch_size", self.batch_size, 1, layout.MAX_RECORD_IMAGES),
            ("--seed", self.seed, 0, 2**63 - 1),
            ("--quality", self.quality, 1, 100),
            ("--static_compression", self.static_compression or 1, 1, 100),
            ("--duplicate_dataset_factor", self.duplicate_dataset_factor, 1, 1000),
        ):
            if not least <= value <= most:
                raise UsageError(f"{flag}: expected {least} to {most}, found {value}")
        if self.convert_images:
            self._check_rewriting()

    def _check_rewriting(self) -> None:
        """Sources are rewritten without loss, as progressive JPEGs, each by one worker."""
        for flag, given in (
            ("--static_compression", self.static_compression is not None),
            ("--duplicate_dataset_factor", self.duplicate_dataset_factor > 1),
            ("a ladder without scans", not self.ladder.scans),
        ):
            if given:
                raise UsageError(f"--convert_images: expected without {flag}, found both")

    def identity(self) -> dict[str, Any]:
        """The options as a later run must give them again to go on with this conversion."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**values, "ladder": [self.ladder.name, self.ladder.text]}
