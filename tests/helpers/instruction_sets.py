"""Both instruction sets that kernels are compiled for, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def digests(module: str) -> set[str]:
    """What ``digest()`` of the test module in this file returns with and without the kernels for AVX2."""
    program = (
        "import runpy, sys; sys.path[:0] = sys.argv[2].split('|')\n"
        "print(runpy.run_path(sys.argv[1])['digest']())"
    )
    path = "|".join([str(Path(__file__).parents[1]), *sys.path])
    return {
        subprocess.run(
            [sys.executable, "-c", program, module, path],
            env={**os.environ, "PCR_FORCE_PORTABLE": forced},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for forced in ("0", "1")
    }
