"""Checkpoints that are cut, flipped, overwritten or of other contents; and what became of them."""

from __future__ import annotations

import copy
import io
import random
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import torch

from pcr.errors import PCRError
from pcr.train import checkpoint, engine
from pcr.train.config import TrainConfig
from pcr.train.processes import Processes

KINDS = ("cut", "flip", "overwrite", "frame", "type")
WRONG = (None, -1, 2**80, 1.5, float("nan"), "x", b"x", [], {}, [1], {"a": 1}, {1: 2}, True,
         torch.zeros(0), torch.zeros(3, dtype=torch.int32), torch.zeros(2, 2))  # fmt: skip


def damage(kind: str, whole: bytes, path: Path, rng: random.Random) -> None:
    """Write a checkpoint damaged in this way."""
    data = bytearray(whole)
    if kind == "cut":
        del data[rng.randrange(len(data)) :]
    elif kind == "flip":
        for _ in range(rng.choice((1, 1, 2, 8))):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == "overwrite":
        start = rng.randrange(len(data))
        data[start : start + 512] = rng.choice((bytes(512), rng.randbytes(512)))
    elif kind == "frame":  # the archive's own headers, a small part of the file
        start, stop = rng.choice(frames(whole))
        data[rng.randrange(start, stop)] ^= 1 << rng.randrange(8)
    else:
        contents = torch.load(io.BytesIO(whole), weights_only=True)
        change(contents, rng)
        torch.save(contents, path)  # with checksums of its own
        return
    path.write_bytes(data)


def frames(whole: bytes) -> list[tuple[int, int]]:
    """Where the ZIP archive has its headers: before each member, and the directory at the end."""
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        starts = [member.header_offset for member in archive.infolist()]
        return [(start, start + 30) for start in starts] + [(archive.start_dir, len(whole))]


def change(contents: dict[str, Any], rng: random.Random) -> None:
    """Replace or remove one value somewhere in the contents; each depth is as likely."""
    holder, key = rng.choice(rng.choice([*by_depth(contents)]))
    if isinstance(holder, dict) and rng.random() < 0.2:
        del holder[key]
    else:
        holder[key] = copy.copy(rng.choice(WRONG))


def by_depth(contents: Any) -> Iterator[list[tuple[Any, Any]]]:
    """The places of all values that can be replaced, level by level."""
    holders = [contents]
    while holders:
        places = [
            (h, key) for h in holders for key in (h if isinstance(h, dict) else range(len(h)))
        ]
        if places:
            yield places
        holders = [h[key] for h, key in places if isinstance(h[key], dict | list) and h[key]]


def outcome(path: Path, previous: Path, whole: Any) -> str:
    """`exact`, or `fell back` with one line; anything else is an error."""
    said = io.StringIO()
    with redirect_stderr(said):
        found = checkpoint.load_first([path, previous])
    assert found is not None
    state, taken = found
    lines = said.getvalue().splitlines()
    assert same(state, whole), "loaded something else"
    if taken == path:
        assert not lines
        return "exact"
    (line,) = lines
    assert line.startswith(f"{path}: expected ") and line.endswith(f"; trying {previous}"), line
    return "fell back"


def trial(path: Path, config: TrainConfig, processes: Processes) -> str:
    """What a run makes of a checkpoint that `load` accepts: `resumed`, or `refused` in one line."""
    saved = checkpoint.load(path)
    try:
        state = engine.TrainState.create(config, saved["classes"], processes)
        state.restore(config, saved)
        data = engine.train_batches(config, processes)
        try:
            state.restore_own(config, saved, processes, data)
        finally:
            data.close()
        engine.resumption(state, data, config, saved, processes)
        [engine.console.row(summary, config.epochs) for summary in state.summaries]
        logits = state.network(torch.zeros(2, 3, 32, 32))
        state.precision.step(logits.sum(), state.optimizer)
    except PCRError as error:
        assert "\n" not in str(error)
        return "refused"
    return "resumed"


def same(one: Any, other: Any) -> bool:
    """Whether two contents are equal, element by element."""
    if isinstance(one, torch.Tensor):
        return (
            isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
        )
    if isinstance(one, dict):
        keys = isinstance(other, dict) and one.keys() == other.keys()
        return keys and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        pairs = isinstance(other, list | tuple) and len(one) == len(other)
        return pairs and all(map(same, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))
