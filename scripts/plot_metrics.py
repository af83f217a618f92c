#!/usr/bin/env python3
"""Draw the metrics of training runs: python3 scripts/plot_metrics.py RUN/train_data_0.csv … --out plots."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where the package is not installed

from pcr.cli.command import main

if __name__ == "__main__":
    main("plot")
