"""What commands print for programs: one JSON document."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping


def add_json_flag(parser: argparse._ActionsContainer) -> None:
    """Declare ``--json``."""
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def print_json(facts: Mapping[str, object]) -> None:
    """Print facts; names that are not UTF-8 are escaped as JSON allows."""
    print(json.dumps(facts, indent=2))
