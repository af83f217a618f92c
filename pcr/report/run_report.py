"""The report on training runs: accuracy, loss, speed, levels and waiting."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

from pcr.report import charts
from pcr.report.page import write_page
from pcr.train import history, plots

METRICS_FILES = "train_data_*.csv"
_NAMES = {
    "accuracy": "Accuracy",
    "loss": "Loss",
    "images_per_second": "Speed",
    "n_scans": "Levels",
    "waiting": "Waiting for data",
}


def report_runs(files: Sequence[Path], path: Path, labels: Sequence[str] | None = None) -> None:
    """Write the report on training runs to ``path``: one file of HTML that needs no other.

    files: a ``train_data_<rank>.csv`` of each run. labels: a name for each, the same for seeds of
    one run; None: the names of their folders. Raises OSError where a file can't be read, FormatError
    where it does not hold metrics.
    """
    runs = history.read_runs(files, labels or history.folder_labels(files))
    table = history.summary_table(runs)
    drawn = []
    with charts.page_style():
        for name, picture in plots.PICTURES.items():
            figure = plots.draw_picture(picture, runs)
            if figure is not None:
                title = _NAMES[name]
                svg = charts.to_svg(figure, f"{name}-chart", f"{title} of each run, by epoch")
                drawn.append((name.replace("_", "-"), title, svg))
    write_page(
        path,
        "runs.html",
        title="Training runs",
        subtitle=", ".join(map(str, table.index)),
        sections=[("results", "Results"), *((anchor, name) for anchor, name, _ in drawn)],
        date=datetime.datetime.now(datetime.UTC).date(),
        columns=list(table.columns),
        rows=list(zip(table.index, table.values.tolist(), strict=True)),
        charts=drawn,
    )


def metrics_files(run: Path) -> list[Path]:
    """The metrics of rank 0 of a run: ``run`` itself, or in its folder; none where there are none."""
    if run.is_file():
        return [run]
    return sorted(run.glob(METRICS_FILES))[:1]
