"""``PCR_Converter.py``: the converter without the paper's experimental knobs."""

from __future__ import annotations

import argparse

from pcr.cli.convert import HELP as HELP
from pcr.cli.convert import run_conversion
from pcr.cli.flags import add_basic_flags, advanced_defaults


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the basic flags; the experimental knobs keep their defaults."""
    add_basic_flags(parser)
    parser.set_defaults(**advanced_defaults())


def run(arguments: argparse.Namespace) -> None:
    """Convert, then print what was done."""
    run_conversion(arguments)
