"""Pictures of levels: what they cost and are worth, and what they look like."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from pcr.atomic import atomic_path
from pcr.tools.quality import level_quality
from pcr.tools.samples import LevelImage

PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".pdf", ".svg")
_SHARE_LABEL = "bytes up to the level / bytes of the source files"
_LAST_LEVEL_LABEL = "bytes up to the level / bytes of the last level"
_PANEL_INCHES = 2.1
_PICTURE_INCHES = 2.1 - 2 * 3 / 72  # Matplotlib's margins are 3 points wide
_TITLE_INCHES = 0.67  # a name and three lines above a row
_CHARACTER_INCHES = 0.09  # of a name in 10 points
_MS_SSIM_TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999)
_CROWDED_SHARE = 0.03  # closer levels have their numbers above and below the line


def plot_levels(table: pd.DataFrame, path: Path, *, sources_known: bool = True) -> None:
    """Draw the table of a ``LevelProfile``, with a column ladder, as `level_figure`."""
    _save(level_figure(table, sources_known=sources_known), path)


def level_figure(table: pd.DataFrame, *, sources_known: bool = True) -> Figure:
    """The table of a ``LevelProfile``, with a column ladder: similarity and rates over bytes.

    With a column kl_mean, a network's divergence has a panel of its own. Every point is a level and
    bears its number; higher and further left is better in all panels.
    ``sources_known`` is the profile's.
    """
    panels = 3 if "kl_mean" in table else 2
    figure = Figure(figsize=(5.5 * panels, 4.5), layout="constrained")
    quality, *network, rates = figure.subplots(1, panels, sharex=True)
    below = table[table["ms_ssim_mean"] < 1].assign(loss=lambda rows: 1 - rows["ms_ssim_mean"])
    for axes in network:
        _draw_divergence(axes, below)
    _draw_levels(quality, below, "loss", hue="ladder", style="ladder")
    quality.set(title="Similarity", ylabel="MS-SSIM to the last level", yscale="log")
    quality.invert_yaxis()
    quality.yaxis.set(
        major_locator=FixedLocator([1 - tick for tick in _MS_SSIM_TICKS]),
        major_formatter=lambda loss, _: f"{1 - loss:g}",
        minor_locator=NullLocator(),
    )
    hue = "ladder" if table["ladder"].nunique() > 1 else "decoder"
    _draw_levels(rates, _rates_by_decoder(table), "rate", hue=hue, style="decoder")
    rates.axhline(1, color="gray", linewidth=0.8)
    rates.set(title="Decode rate", ylabel="relative to baseline JPEGs")
    rates.set(xlim=(0, 1.05 * table["share"].max()), ylim=(0, 1.05 * rates.get_ylim()[1]))
    figure.supxlabel(_SHARE_LABEL if sources_known else _LAST_LEVEL_LABEL, size="medium")
    return figure


def draw_images(images: Sequence[LevelImage], levels: Sequence[int], path: Path) -> None:
    """Draw images upright at these levels: a row for each image, a column for each level.

    Raises FormatError, naming the image and its record, where one is damaged.
    """
    width = _PANEL_INCHES * len(levels)
    pictures = [[_upright(image, level) for level in levels] for image in images]
    sides = [_PICTURE_INCHES * row[0].shape[0] / row[0].shape[1] for row in pictures]
    heights = [_TITLE_INCHES + side for side in sides]
    figure = Figure(figsize=(width, sum(heights)), layout="constrained")
    rows = figure.subfigures(len(images), 1, height_ratios=heights, squeeze=False)[:, 0]
    for row, image, panels in zip(rows, images, pictures, strict=True):
        _draw_row(row, image, levels, panels)
    _save(figure, path)


def _draw_divergence(axes: Axes, below: pd.DataFrame) -> None:
    _draw_levels(axes, below[below["kl_mean"] > 0], "kl_mean", hue="ladder", style="ladder")
    axes.set(title="A network's predictions", ylabel="KL divergence from the last level's (nats)")
    axes.set(yscale="log")
    axes.invert_yaxis()


def _rates_by_decoder(table: pd.DataFrame) -> pd.DataFrame:
    """One row per level and decoder, from one row per level."""
    columns = [name for name in table if name.endswith("_rate")]
    rows = table.melt(["ladder", "level", "share"], columns, "decoder", "rate")
    return rows.assign(decoder=rows["decoder"].str.removesuffix("_rate").str.capitalize())


def _draw_levels(axes: Axes, rows: pd.DataFrame, column: str, hue: str, style: str) -> None:
    sns.lineplot(
        rows, x="share", y=column, hue=hue, style=style, markers=True, dashes=False, ax=axes
    )
    axes.grid(True, alpha=0.3)
    axes.set(xlabel=None)
    previous, above = -1.0, True
    for row in rows.itertuples():
        above = not above if 0 <= row.share - previous < _CROWDED_SHARE else True
        previous = row.share
        axes.annotate(
            str(row.level),
            (row.share, getattr(row, column)),
            xytext=(0, 5 if above else -13),
            textcoords="offset points",
            ha="center",
            size=8,
        )


def _draw_row(
    row: SubFigure, image: LevelImage, levels: Sequence[int], pictures: Sequence[NDArray[np.uint8]]
) -> None:
    most_characters = int(_PANEL_INCHES * len(levels) / _CHARACTER_INCHES)
    name = shortened(image.name, most_characters)
    row.suptitle(name, x=0.01, ha="left", size=9, parse_math=False)
    with image.named_errors():
        ms_ssim = level_quality(image.jpegs)
    for axes, level, picture in zip(
        row.subplots(1, len(levels), squeeze=False)[0], levels, pictures, strict=True
    ):
        axes.imshow(picture)
        size = len(image.jpegs[level - 1])
        share = f" ({size / image.source_bytes:.3f})" if image.source_bytes else ""
        axes.set_title(
            f"level {level}\n{size:,} bytes{share}\nMS-SSIM {ms_ssim[level - 1]:.4f}", size=8
        )
        axes.set(xticks=[], yticks=[])


def _upright(image: LevelImage, level: int) -> NDArray[np.uint8]:
    with image.named_errors(), Image.open(io.BytesIO(image.jpegs[level - 1])) as picture:
        picture.getexif()[ExifTags.Base.Orientation] = image.orientation
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))


def shortened(name: str, most_characters: int) -> str:
    """A name that any font shows, without its middle where it is long."""
    shown = name.encode("utf-8", "backslashreplace").decode()
    if len(shown) <= most_characters:
        return shown
    half = most_characters // 2
    return f"{shown[:half]}…{shown[-half:]}"


def _save(figure: Figure, path: Path) -> None:
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=150, format=path.suffix.lower().removeprefix("."))
