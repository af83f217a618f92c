"""The instruction sets that kernels are compiled for, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

VECTOR_SETS = ("avx2", "avx512")
ALL_SETS = ("portable", *VECTOR_SETS)


def digests(module: str, function: str = "digest", sets: Sequence[str] = ALL_SETS) -> set[str]:
    """What a function of the test module in this file returns with the kernels of each set.

    A processor that lacks a set uses the best that it has.
    """
    program = (
        "import runpy, sys; sys.path[:0] = sys.argv[3].split('|')\n"
        "print(runpy.run_path(sys.argv[1])[sys.argv[2]]())"
    )
    path = "|".join([str(Path(__file__).parents[1]), *sys.path])
    return {
        subprocess.run(
            [sys.executable, "-c", program, module, function, path],
            env={**os.environ, "PCR_INSTRUCTION_SET": name},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in sets
    }
