"""Flags in every spelling, abbreviated or not; switches; the flag that an error names."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from pcr.cli import command
from pcr.cli.parser import Parser, Switch, local, positive
from pcr.errors import FormatError, UsageError


def make_parser() -> Parser:
    parser = Parser(prog="test")
    parser.add_argument("input")
    parser.add_argument("output")
    group = parser.add_argument_group("group")
    group.add_argument("--batch_size", "--images_per_record", type=positive, dest="images")
    group.add_argument("--batch-count", type=positive)
    parser.add_argument("-j", "--num_workers", type=int)
    parser.add_argument("--folder", type=local)
    parser.add_argument("--convert_images", action=Switch, help="rewrite")
    return parser


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--batch_size", "3"], "images", 3),
        (["--batch-size=3"], "images", 3),
        (["--images-per_record", "3"], "images", 3),
        (["--images", "3"], "images", 3),
        (["--batch_count", "3"], "batch_count", 3),
        (["--batch-c=3"], "batch_count", 3),
        (["--num-w", "3"], "num_workers", 3),
        (["-j3"], "num_workers", 3),
        (["--num_work=3", "--"], "num_workers", 3),
    ],
)
def test_flags_in_every_spelling(words: list[str], name: str, value: object) -> None:
    assert getattr(make_parser().parse_args([*words, "in", "out"]), name) == value


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--batch", "3"], "ambiguous option: --batch could match --batch_size, --batch-count"),
        (["--batch-sizes", "3"], "unrecognized arguments: --batch-sizes 3"),
        (["--batch-size", "0"], "argument --batch_size/--images_per_record: expected 1 or more"),
        (["--batch-size", "x"], "expected a whole number, found 'x'"),
        (["--convert_images=maybe"], "expected True or False, found 'maybe'"),
        (["--folder", ""], "argument --folder: expected a path, found ''"),
        (["--folder", "s3://b/x"], "expected a path on this machine, found s3://b/x"),
    ],
)
def test_wrong_flags(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(["in", "out", *words])
    assert ended.value.code == 2 and line in capsys.readouterr().err


def test_an_empty_location(capsys: pytest.CaptureFixture[str]) -> None:
    """As of a variable of the shell that is not set."""
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(["in", ""])
    assert ended.value.code == 2
    assert "argument output: expected a value, found ''" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["in", "out"], False),
        (["--convert_images", "in", "out"], True),
        (["--convert-im", "in", "out"], True),
        (["--convert_images", "True", "in", "out"], True),
        (["--convert_images", "false", "in", "out"], False),
        (["in", "out", "--convert_images"], True),
        (["in", "--convert-images=False", "out"], False),
    ],
)
def test_a_switch_stands_alone_or_before_its_value(words: list[str], value: bool) -> None:
    found = make_parser().parse_args(words)
    assert (found.convert_images, found.input, found.output) == (value, "in", "out")


def test_help_shows_each_flag_once() -> None:
    text = make_parser().format_help().partition("\n\n")[2]
    assert text.count("--batch_size") == 1 and "--batch-size" not in text


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("expected 1, found 0", "images"), 2, "--batch_size: expected 1, found 0"),
        (UsageError("expected 1, found 0", "n_scans"), 2, "n_scans: expected 1, found 0"),
        (UsageError("expected one, found both"), 2, "expected one, found both"),
        (FormatError("a\nb: expected a JPEG"), 1, "a\\nb: expected a JPEG"),
        (FileNotFoundError(2, "No such file", "x.jpg"), 1, "x.jpg: No such file"),
        (ModuleNotFoundError("No module named 'x'"), 1, "No module named 'x': run 'bash install"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_are_one_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: argparse.Namespace) -> None:
        raise error

    failing = SimpleNamespace(HELP="", add_arguments=lambda _: None, run=run)
    assert command.execute(failing, argparse.Namespace(), make_parser()) == code
    (found,) = capsys.readouterr().err.splitlines()
    assert found.startswith(f"error: {line}")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("without `convert_images`", "without --convert_images"),
        ("`convert_images=True`", "--convert_images"),
        ("`convert_images=False`", "without --convert_images"),
        ("`shuffle=False`, not `shuffle=True`", "--no_shuffle, not without --no_shuffle"),
        ("`num_workers=3`", "--num_workers 3"),
        ("`on_bad_image='skip'`", "--on_bad_image skip"),
        ("`input`, `nothing=1`", "`input`, `nothing=1`"),
        ("num_workers=3/x.jpg", "num_workers=3/x.jpg"),
    ],
)
def test_parameters_in_messages_become_flags(message: str, line: str) -> None:
    parser = make_parser()
    parser.add_argument("--no_shuffle", dest="shuffle", action="store_false")
    parser.add_argument("--on_bad_image")
    assert parser.in_flags(message) == line


def test_an_error_names_the_flag_that_was_given() -> None:
    parser = make_parser()
    assert parser.flag("images") == "--batch_size"
    parser.parse_args(["--images=3", "in", "out"])
    assert parser.flag("images") == "--images_per_record"
