"""Epochs from a server of which a share of the answers is faulty, drawn at random from a seed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from helpers.fault_proxy import Choose, Proxied, fault_proxy, flipped_place
from helpers.loaders import drain, numpy_loader
from pcr.dataset.reader import Dataset
from pcr.errors import FormatError
from pcr.storage.counters import Counters
from pcr.storage.local import LocalStore
from pcr.storage.remote import RemoteStore
from pcr.storage.retries import Retries

KINDS = {
    "5xx": ("500", "502", "503", "504"),
    "cut short": ("cut", "short"),
    "byte flipped": ("flip",),
    "silence": ("silence",),
}


def at_rate(share: float, seed: int) -> Choose:
    """A fault of each kind equally often, for this share of the requests."""

    def choose(number: int) -> str | None:
        draw = random.Random(f"{seed} {number}")
        if draw.random() >= share:
            return None
        fault = draw.choice(draw.choice(tuple(KINDS.values())))
        return f"flip@{draw.random()}" if fault == "flip" else fault

    return choose


def kind(fault: str) -> str:
    """Which of `KINDS` a fault is."""
    return next(name for name, faults in KINDS.items() if fault.partition("@")[0] in faults)


@dataclass(frozen=True)
class Outcome:
    """What epochs came to.

    faults: how many of each kind there were. harmless: flips of bytes that no reader looks at.
    wrong_epochs: in which an image, a label or the order was not that of the local dataset.
    """

    requests: int
    retries: int
    faults: Counter[str]
    harmless: int
    wrong_epochs: int


def read_epochs(
    local: Dataset, server_url: str, choose: Choose, retries: Retries, levels: list[int]
) -> Outcome:
    """Read a served dataset through a proxy, an epoch at each of these levels."""
    with fault_proxy(server_url, choose) as proxy:
        loader = numpy_loader(RemoteStore(f"{proxy.url}/dataset", retries))
        plain = numpy_loader(local)
        wrong = 0
        for level in levels:
            loader.source.n_scans = plain.source.n_scans = level
            wrong += drain(loader) != drain(plain)
        flips = [one for one in proxy.requests if one.fault and one.fault.startswith("flip")]
        return Outcome(
            loader.source.requests,
            loader.source.retries,
            Counter(map(kind, proxy.faults())),
            sum(is_harmless(flip, local.root) for flip in flips),
            wrong,
        )


def is_harmless(flip: Proxied, root: Path) -> bool:
    """Whether a reader finds nothing wrong with a file of which this byte is flipped."""
    store = FlippedStore(LocalStore(root), flip)
    try:
        for record in Dataset(store).records:
            if record.name == store.name:
                record.read(record.prefix_bytes.index(flip.body_bytes))
    except FormatError:
        return False
    return True


class FlippedStore:
    """A directory as a store that is not local; one byte of one file is flipped."""

    can_list = False

    def __init__(self, store: LocalStore, flip: Proxied) -> None:
        self.store, self.flip = store, flip
        self.name = flip.path.rpartition("/")[2]
        self.location, self.counters = store.location, Counters()

    def read(self, name: str, length: int | None = None, start: int = 0) -> bytes:
        data = bytearray(self.store.read(name, length, start))
        if name == self.name:
            data[flipped_place(str(self.flip.fault), data)] ^= 1
        return bytes(data)
