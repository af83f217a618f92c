"""The help of each command, and the script that completes commands in a shell."""

from __future__ import annotations

import contextlib
import io
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from pcr.cli.examples import EXAMPLES
from pcr.cli.main import COMMANDS, main, make_parser


def printed(*words: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out, pytest.raises(SystemExit) as ended:
        main(words)
    assert not ended.value.code
    return out.getvalue()


def test_each_example_is_a_command_that_is_understood() -> None:
    parser, _, _ = make_parser(COMMANDS)
    assert EXAMPLES.keys() == {*COMMANDS, "basic"}  # which is PCR_Converter.py
    for name in COMMANDS:
        for example in EXAMPLES[name]:
            program, *words = shlex.split(example.partition(" > ")[0])
            assert program == "pcr" and parser.parse_args(words).command == name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_examples_and_exit_codes(name: str) -> None:
    text = printed(name, "--help")
    assert EXAMPLES[name][0] in text
    assert text.endswith(
        "exit codes: 0 done, 1 failed or found wrong, 2 wrong usage, 130 interrupted\n"
    )


def test_nothing_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    """So NO_COLOR asks for what is the case anyway."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in printed("info", "--help")


@pytest.fixture(scope="module")
def script() -> str:
    pytest.importorskip("shtab", reason="of the extra completion")
    return printed("shell-completion", "bash")


@pytest.mark.parametrize(
    ("line", "expected"),
    [("pcr ver", {"verify"}), ("pcr verify --de", {"--decode"}), ("pcr info phot", {"photos"})],
)
def test_bash_completes_commands_flags_and_files(
    script: str, tmp_path: Path, line: str, expected: set[str]
) -> None:
    bash = shutil.which("bash") or pytest.skip("no bash here")
    (tmp_path / "photos").mkdir()
    words = shlex.split(line)
    ask = f"""
{script}
COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; COMP_POINT={len(line)}
$(complete -p pcr | sed 's/.*-F \\([^ ]*\\).*/\\1/') pcr {words[-1]} {words[-2]}
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(
        [bash, "--norc", "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert set(done.stdout.split()) == expected, done.stderr
