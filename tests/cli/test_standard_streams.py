"""Commands whose standard streams are closed, full, or read to the first line only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helpers.conversions import PCR, ROOT, contents

from pcr.progress import progress_bar


def run_in_shell(
    script: str, pass_fds: tuple[int, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `pcr` as a shell starts it: the command is "$@", and output to a pipe is buffered."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["bash", "-c", script, "bash", *PCR.words],
        env={**environment, **variables},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        pass_fds=pass_fds,
    )


@pytest.mark.parametrize(
    ("script", "code", "error"),
    [
        ('"$@" info "$DATASET" > /dev/full', 1, "standard output: No space left on device"),
        ('"$@" --help > /dev/full', 1, "standard output: No space left on device"),
        ('"$@" info "$DATASET" >&-', 0, None),
        ('"$@" info "$DATASET" <&- >&- 2>&-', 0, None),
        ('"$@" info "$DATASET/none" <&- 2>&-', 1, None),
    ],
)
def test_output_that_goes_nowhere(
    script: str, code: int, error: str | None, converted: Path
) -> None:
    result = run_in_shell(script, DATASET=str(converted))
    assert result.returncode == code
    assert result.stdout == ""
    assert result.stderr == ("" if error is None else f"error: {error}\n")


def test_a_reader_that_has_seen_enough(converted: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    result = run_in_shell(f'"$@" info "$DATASET" >&{write}', (write,), DATASET=str(converted))
    os.close(write)
    assert (result.returncode, result.stderr) == (1, "")


def test_a_conversion_without_standard_streams(
    photos: Path, converted: Path, tmp_path: Path
) -> None:
    script = '"$@" convert "$PHOTOS" "$OUT" <&- >&- 2>&-'
    out = tmp_path / "out"
    assert run_in_shell(script, PHOTOS=str(photos), OUT=str(out)).returncode == 0
    assert len(contents(out)) == len(contents(converted))


def test_a_bar_in_a_process_without_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    assert list(progress_bar([1, 2], desc="Counting")) == [1, 2]
