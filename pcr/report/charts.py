"""Charts of a page: drawn by Matplotlib, as SVG that takes the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from markupsafe import Markup
from matplotlib.figure import Figure

from pcr.tools.pictures import shortened

# Replaced by the page's own colours, which differ between its light and its dark form.
_TEXT, _GRID = "#010203", "#040506"
_STYLE = {
    "axes.edgecolor": _GRID,
    "axes.labelcolor": _TEXT,
    "axes.titlesize": "medium",
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "sans-serif",
    "grid.color": _GRID,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.color": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}
_MOST_CHARACTERS = 30
_PIXELS_PER_INCH = 85
_LEAST_SCALE = 0.5  # on a narrow screen; below it the chart scrolls
_METADATA = {"Date": None, "Creator": None}  # the same input gives the same page


@contextmanager
def page_style() -> Iterator[None]:
    """Draw in the page's colours."""
    with mpl.rc_context():
        sns.set_theme(style="ticks", palette="colorblind", rc=_STYLE)
        yield


def to_svg(figure: Figure, name: str, description: str) -> Markup:
    """A figure as an SVG element; ``name`` is unique on the page, ``description`` is read aloud."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.id": None}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=_METADATA)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(_TEXT, "currentColor").replace(_GRID, "var(--line)")
    svg = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r'<svg ([^>]*?)width="[^"]*" height="[^"]*"', r"<svg \1", svg, count=1)
    width = _PIXELS_PER_INCH * figure.get_figwidth()
    opening = (
        '<svg role="img" aria-label="{}" style="width: {:.0f}px; min-width: max(24rem, {:.0f}px)" '
    )
    least = _LEAST_SCALE * width
    return Markup(svg.replace("<svg ", Markup(opening).format(description, width, least), 1))


def draw_bars(values: Sequence[int], labels: Sequence[str], xlabel: str) -> Figure:
    """Horizontal bars, the first on top, each with its value."""
    figure = Figure(figsize=(6.2, 0.7 + 0.27 * len(values)), layout="constrained")
    axes = figure.subplots()
    sns.barplot(x=list(values), y=list(labels), color=sns.color_palette()[0], ax=axes)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    for place, value in enumerate(values):
        axes.annotate(
            f"{value:,}",
            (value, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            size=9,
        )
    axes.set(xlabel=xlabel, ylabel="", xlim=(0, 1.15 * max(values, default=1) or 1))
    return figure


def draw_sizes(sizes: pd.DataFrame) -> Figure:
    """How many images have which longer side and which shape."""
    figure = Figure(figsize=(6.2, 2.6), layout="constrained")
    sides, shapes = figure.subplots(1, 2, sharey=True)
    longer, shorter = sizes.max(axis=1), sizes.min(axis=1)
    for axes, data, label in (
        (sides, longer, "longer side [pixels]"),
        (shapes, longer / shorter, "longer side / shorter side"),
    ):
        sns.histplot(data, bins=20, ax=axes, element="step", alpha=0.6)
        axes.set(xlabel=label, ylabel="images")
    return figure


def label(name: str) -> str:
    """A name as a chart shows it: short, and text whatever its bytes are."""
    return shortened(name, _MOST_CHARACTERS)
