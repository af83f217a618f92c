"""Pages are walked as a reader walks them: commands and examples in order, in the current folder."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

from helpers.conversions import PCR, succeed

ROOT = Path(__file__).parents[2]
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def walk(page: str, smaller: Mapping[str, str] | None = None) -> dict[str, object]:
    """Runs the blocks `sh` and `python` of a page, compares `text`, the output of the block before.

    smaller: what makes them quick; each key must be in the page. Returns the variables of Python.
    """
    text = (ROOT / page).read_text(encoding="utf-8")
    for whole, small in (smaller or {}).items():
        assert whole in text, whole
        text = text.replace(whole, small)
    names: dict[str, object] = {}
    printed = ""
    for language, block in FENCED.findall(text):
        if language == "sh":
            printed = run_commands(block)
        elif language == "python":
            printed = run_example(block, page, names)
        elif language == "text":
            check_shown(block, printed)
    return names


def run_commands(block: str) -> str:
    """What the commands print; `pcr` runs in this process."""
    return "".join(map(run_command, block.replace("\\\n", " ").splitlines()))


def run_command(line: str) -> str:
    """What one command prints."""
    program, *words = shlex.split(line, comments=True)
    if program == "pcr":
        return succeed(PCR, *words)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_example(block: str, page: str, names: dict[str, object]) -> str:
    """What an example prints, which may use what those before it have defined."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(block, page, "exec"), names)
    return printed.getvalue()


def check_shown(shown: str, printed: str) -> None:
    """Each line of an output is printed, but for lines with numbers, which may differ, or `…`."""
    for line in shown.splitlines():
        if not re.search(r"\d|…", line):
            assert line.strip() in printed, f"{line}\nis not in\n{printed}"
