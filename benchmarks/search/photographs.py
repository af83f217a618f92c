"""Photographs in states: their JPEGs, and how far networks' predictions diverge from full fidelity."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from networks import decode, predict
from numpy.typing import NDArray

from pcr import jpeg
from pcr.ladder import Ladder
from pcr.tools.level_profile import kl_divergence
from pcr.train.classifier import Classifier
from search.bands import BANDS, FULL, MOST_BITS, UNSENT, Band, Scan, State, scans_between
from search.notes import Notes

_GRAY = 127
_DISTORTION_IMAGES = 24  # enough for means over their pixels
_DIGITS = 6


def origin(sources: Sequence[bytes], models: Sequence[str]) -> str:
    """What tells measurements of some images with some networks from others."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(source).digest() for source in sources))
    return f"{len(sources)} images {digest.hexdigest()[:16]}, networks {' '.join(models)}"


class Photographs:
    """JPEGs of three components in states; each state is measured once."""

    def __init__(
        self, sources: Sequence[bytes], networks: Sequence[Classifier], notes: Notes
    ) -> None:
        self._networks = networks
        self._notes = notes
        self._images = decode(sources)
        self._full = self._predictions(self._images)
        self._scans = [_first_scans(source) for source in sources]
        self.measured: dict[State, NDArray[np.float64]] = {}

    def divergences(self, state: State) -> NDArray[np.float64]:
        """The divergence of each image and network at a state: (images, networks)."""
        if state not in self.measured:
            key = f"divergences {state}"
            found = self._notes.remember(key, lambda: self._diverge(decode(self.jpegs(state))))
            self.measured[state] = np.array(found)
        return self.measured[state]

    def blank_divergences(self) -> NDArray[np.float64]:
        """The same for gray images, which is what no bytes show."""
        gray = [np.full_like(image, _GRAY) for image in self._images]
        return np.array(self._notes.remember("divergences of gray", lambda: self._diverge(gray)))

    def distortions(self) -> NDArray[np.float64]:
        """The mean squared error of pixels where bits of one band alone are missing.

        By band and number of bits left out, (bands, MOST_BITS + 2); the last is for bands not sent.
        """
        bits = [*range(MOST_BITS + 1), UNSENT]
        found = np.zeros((len(BANDS), len(bits)))
        for band in range(len(BANDS)):
            for column, bit in enumerate(bits):
                state = (*FULL[:band], bit, *FULL[band + 1 :])
                if band > 0 or bit != UNSENT:  # there is no JPEG without DC
                    found[band, column] = self._notes.remember(
                        f"distortion {state}", lambda state=state: self._distortion(state)
                    )
        return found

    def jpegs(self, state: State) -> list[bytes]:
        """The images with just what a state has."""
        sent = [pair for pair in zip(BANDS, state, strict=True) if pair[1] != UNSENT]
        return [b"".join(scans[pair] for pair in sent) + jpeg.EOI for scans in self._scans]

    def _diverge(self, images: Sequence[NDArray[np.uint8]]) -> list[list[float]]:
        pairs = zip(self._full, self._predictions(images), strict=True)
        found = np.stack([kl_divergence(*pair) for pair in pairs], axis=1)
        return found.round(_DIGITS).tolist()

    def _predictions(self, images: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float64]]:
        return [predict(network, images) for network in self._networks]

    def _distortion(self, state: State) -> float:
        images = decode(self.jpegs(state)[:_DISTORTION_IMAGES])
        errors = [
            np.square(image.astype(float) - full).mean()
            for image, full in zip(images, self._images, strict=False)
        ]
        return float(np.mean(errors).round(_DIGITS))


def _first_scans(source: bytes) -> Mapping[tuple[Band, int], bytes]:
    """Of each band, by the number of bits left out, the scans that send it at once.

    The bytes of a scan depend on the coefficients and its own line of the ladder, not on other
    scans. So these make up a JPEG of any state.
    """
    found = {}
    for bit in range(MOST_BITS + 1):
        first = [Scan(c, b.first, b.last, 0, bit) for b in BANDS for c in b.components]
        rest = scans_between((bit,) * len(BANDS), FULL)
        ladder = Ladder.parse("bands", "\n".join(map(str, [*first, *rest])))
        whole = jpeg.rewrite(source, ladder.scripts)
        parts = iter(whole.data[begin:end].tobytes() for begin, end in pairwise(whole.borders))
        for band in BANDS:
            found[band, bit] = b"".join(next(parts) for _ in band.components)
    return found
