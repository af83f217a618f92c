"""``PCR_Converter.py``: the converter without the flags of the advanced one."""

from __future__ import annotations

import argparse

from pcr.cli.convert import HELP as HELP
from pcr.cli.convert import run_conversion
from pcr.cli.flags import add_basic_flags as add_arguments

__all__ = ["HELP", "add_arguments", "run"]


def run(arguments: argparse.Namespace) -> None:
    """Convert, and print what was done."""
    run_conversion(arguments)
