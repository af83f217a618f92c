"""What a run says on the console beside its live line: what it is about to do, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from pcr.train.batches import Batches
from pcr.train.config import TrainConfig
from pcr.train.log import EpochSummary
from pcr.train.processes import Processes


def announcement(config: TrainConfig, processes: Processes, data: Batches, val: Batches) -> str:
    """What is about to be trained, on what, and from what."""
    device = processes.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "the CPU"
    why = " (no CUDA GPU here)" if device.type == "cpu" and config.device == "auto" else ""
    several = f", {processes.world_size} processes" if processes.world_size > 1 else ""
    fidelity = f" at {config.fidelity}" if data.source.levels else ""
    text = (
        f"{config.arch} on {name}{why}{several}, {_formats(config)}, seed {config.seed}: "
        f"{data.source.total_images} images{fidelity} to train, {val.source.total_images} to validate, "
        f"{len(data.source.classes)} classes, --loader {config.loader}"
    )
    if config.static_loss_scale is not None and config.precision == "O0":
        text += "\n--static-loss-scale has no effect without --fp16"
    return text


def _formats(config: TrainConfig) -> str:
    if config.bf16:
        return "bfloat16"
    return "float32" if config.precision == "O0" else f"float16 ({config.precision})"


def ending(summaries: Sequence[EpochSummary], best_top_1: float, config: TrainConfig) -> str:
    """The table of all epochs, and where the results lie."""
    return f"\n{table(summaries)}\nbest top-1 {best_top_1:.2f} %, in {config.output_dir.resolve()}"


def table(summaries: Sequence[EpochSummary]) -> str:
    """All epochs of a run, a row each."""
    head = (
        "epoch",
        "scans",
        "train loss",
        "test loss",
        "top-1 %",
        "top-5 %",
        "images/s",
        "MB read",
        "waiting %",
    )
    rows = [
        (
            f"{one.epoch + 1}",
            f"{one.n_scans or '-'}",
            f"{one.train_loss:.4f}",
            f"{one.tested.loss:.4f}",
            f"{one.tested.top_1:.2f}",
            f"{one.tested.top_5:.2f}",
            f"{one.reading.images_per_second:.0f}",
            f"{one.reading.bytes_read / 1e6:.1f}",
            f"{one.reading.wait_share * 100:.0f}",
        )
        for one in summaries
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    )
