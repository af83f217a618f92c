"""Source: what a conversion asks of any place that images come from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from pcr.dataset.columns import Column
from pcr.imagefolder import Sample

Version: TypeAlias = int | str
"""Tells one version of an image and its values from another; part of a plan's fingerprint."""


class Source(Protocol):
    """Labelled images in an order that is always the same. Safe to use from threads, and to pickle."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the label."""

    @property
    def samples(self) -> tuple[Sample, ...]:
        """The images."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """What is known of each image besides its name and label."""

    @property
    def concurrent_reads(self) -> int:
        """How many images should be read at the same time; 1 where waiting is short."""

    @property
    def location(self) -> str:
        """The path or URL, fit for messages."""

    def where(self, sample: Sample) -> str:
        """The path or URL of one image, fit for messages."""

    def size_and_version(self, sample: Sample) -> tuple[int, Version]:
        """The bytes of one image, and what tells its versions apart; OSError where it is missing."""

    def read(self, sample: Sample, most_bytes: int) -> bytes:
        """The bytes of one image.

        Raises OSError or FormatError where it is bad: missing, unreadable or larger than
        ``most_bytes``. Raises StorageError where its store does not answer.
        """

    def values(self, sample: Sample) -> tuple[Any, ...]:
        """The values of one image, one for each column."""

    def rewritable(self, sample: Sample) -> Path | None:
        """The file of one image, to be rewritten in place; None where that is not possible."""

    def relabelled(self, classes: Sequence[str], samples: Sequence[Sample]) -> Source:
        """Some of the images, with other labels."""

    def sendable(self, samples: Sequence[Sample]) -> Source:
        """The same from any machine and current directory; it need know these images alone."""
