"""What a run prints beside its live line; everything fits a terminal of 80 columns."""

from __future__ import annotations

import textwrap

import torch

from pcr.train.autotune import Tuning
from pcr.train.batches import Batches
from pcr.train.config import TrainConfig
from pcr.train.log import EpochSummary
from pcr.train.processes import Processes
from pcr.train.reading import Reading

COLUMNS = 80
HEADINGS = ("epoch", "scans", "loss", "test loss", "top-1", "top-5", "images/s", "MB read", "wait")
WIDTHS = (7, 5, 8, 9, 7, 7, 8, 9, 4)


def announcement(config: TrainConfig, processes: Processes, data: Batches, val: Batches) -> str:
    """What is about to be trained, on what, from what, and where results go."""
    device = processes.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    why = " (no CUDA GPU here)" if device.type == "cpu" and config.device == "auto" else ""
    several = f", {processes.world_size} processes" if processes.world_size > 1 else ""
    levels = f", n_scans {config.fidelity}" if data.source.levels else ""
    classes = len(set(config.merged(data.source.classes)))
    return wrapped(
        f"{config.arch} on {name}{why}{several}, {_formats(config)}, seed {config.seed}: "
        f"{data.source.total_images} images{levels} to train, "
        f"{val.source.total_images} to validate, "
        f"{classes} class{'es' * (classes > 1)}, loader {config.loader}"
    )


def wrapped(text: str) -> str:
    """In lines of at most 80 columns; long words such as file names stay whole."""
    return textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False)


def heading() -> str:
    """The names of the columns of `row`."""
    return _line(HEADINGS)


def row(summary: EpochSummary, epochs: int) -> str:
    """An epoch's row in the table of a run of that many epochs.

    Where servers were asked for data, a second line tells how often.
    """
    tested, reading = summary.tested, summary.reading
    cells = (
        f"{summary.epoch + 1}/{epochs}",
        f"{summary.n_scans:.3g}" if summary.n_scans else "-",
        f"{summary.train_loss:.4f}",
        f"{tested.loss:.4f}" if tested else "-",
        f"{tested.top_1:.2f}%" if tested else "-",
        f"{tested.top_5:.2f}%" if tested else "-",
        f"{reading.images_per_second:.0f}",
        f"{reading.bytes_read / 1e6:.1f}",
        f"{reading.wait_share:.0%}",
    )
    if not reading.fetching:
        return _line(cells)
    waited = f"waited {reading.read_wait_seconds:.1f} s for them"
    return f"{_line(cells)}\n{'':{WIDTHS[0]}}  {reading.fetching}, {waited}"


def choice(tuning: Tuning, by_loss: bool) -> str:
    """The scores of the levels, and the one that they chose."""
    shown = ", ".join(f"{k}: {score:.3f}" for k, score in tuning.scores.items())
    what = "loss after a probe" if by_loss else "similarity of gradients to full fidelity"
    return wrapped(f"{what}: {shown}; chosen: level {tuning.level}")


def measured(epoch: int, reading: Reading) -> str:
    """What an epoch, or its first iterations, came to in a run that only measures."""
    fetching = f", {reading.fetching}" if reading.fetching else ""
    return wrapped(
        f"epoch {epoch + 1}: {reading.images} images, {reading.images_per_second:.0f} images/s, "
        f"{reading.megabytes_per_second:.1f} MB/s read, {reading.wait_share:.0%} waiting{fetching}"
    )


def _line(cells: tuple[str, ...]) -> str:
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, WIDTHS, strict=True))


def _formats(config: TrainConfig) -> str:
    if config.bf16:
        return "bfloat16"
    return "float32" if config.precision == "O0" else f"float16 ({config.precision})"
