"""Each call of a command on a file fails, or kills it, in turn, and what that did is printed.

    PYTHONPATH=.:tests python tests/stress/faults.py train

Prints a line for each violation. Exit code 1 where there is one. The test suite does the same.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from helpers.faults import Faults


def main(scenario: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "helpers.fault_scenarios", scenario]
        environment = Faults.build(Path(folder)).environment
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
