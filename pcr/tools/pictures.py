"""Pictures of levels: what they cost and are worth, and what they look like."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from PIL import Image

from pcr.atomic import atomic_path
from pcr.tools.quality import level_quality

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")
_BYTES_LABEL = "bytes / baseline JPEG's"


def plot_levels(table: pd.DataFrame, path: Path) -> None:
    """Draw a table of ``pcr.tools.quality.measure_levels`` with a column ladder: two panels over bytes.

    Left the distance from equality (1 - MS-SSIM), right the decode rate; points bear their level.
    """
    figure = Figure(figsize=(13, 5), layout="tight")
    below = table[table["ms_ssim_mean"] < 1].assign(loss=lambda rows: 1 - rows["ms_ssim_mean"])
    for place, rows, column in ((1, below, "loss"), (2, table, "decode_rate")):
        panel = figure.add_subplot(1, 2, place)
        sns.lineplot(
            rows, x="relative_bytes", y=column, hue="ladder", style="ladder",
            markers=True, dashes=False, ax=panel,
        )  # fmt: skip
        panel.grid(True, which="both", alpha=0.3)
        panel.set(xlabel=_BYTES_LABEL)
        for row in rows.itertuples():
            point = (row.relative_bytes, getattr(row, column))
            panel.annotate(str(row.level), point, xytext=(4, 4), textcoords="offset points", size=8)
    figure.axes[0].set(ylabel="1 - MS-SSIM", yscale="log")
    figure.axes[1].set(ylabel="decode rate / baseline JPEG's", ylim=(0, None))
    _save(figure, path)


def draw_images(
    images: Sequence[tuple[str, Sequence[bytes]]], levels: Sequence[int], path: Path
) -> None:
    """Draw images, each a name and the complete JPEGs of all its levels: a row each, a column per level."""
    figure = Figure(figsize=(3 * len(levels), 2.8 * len(images)), layout="constrained")
    for row, (name, jpegs) in enumerate(images):
        ms_ssim = level_quality(jpegs)
        for column, level in enumerate(levels):
            panel = figure.add_subplot(len(images), len(levels), row * len(levels) + column + 1)
            data = jpegs[level - 1]
            with Image.open(io.BytesIO(data)) as image:
                panel.imshow(image.convert("RGB"))
            panel.set_title(
                f"level {level}: {len(data):,} bytes\nMS-SSIM {ms_ssim[level - 1]:.4f}", fontsize=9
            )
            panel.set(xticks=[], yticks=[])
            if column == 0:
                printable = name.encode("utf-8", "backslashreplace").decode()
                panel.set_ylabel(printable, fontsize=9, parse_math=False)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format=path.suffix.lower().removeprefix("."))
