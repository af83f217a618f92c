"""Commands that pages show name programs that exist, and flags that these take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

from pcr.cli.main import COMMANDS, make_parser

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PAGES += ROOT.glob("*/README.md")
OTHER_CODE = re.compile(r"^```(?!sh|bash)\w+\n.*?^```", re.DOTALL | re.MULTILINE)
SHOWN = re.compile(r"^```(?:sh|bash)\n.*?^```|^(?: {4}[^\n]*\n)+", re.DOTALL | re.MULTILINE)
PROGRAM = re.compile(r"\b(pcr [a-z-]+|[\w/]+\.(?:py|sh)|benchmarks/reproduce)(?= |$)(.*)")
ENDS = {"&&", "|", ";", "&", ">", "#"}
SCRIPTS = {
    "dali_main.py": "pcr train",
    "PCR_Converter.py": "pcr convert",
    "PCR_Converter_advanced.py": "pcr convert",
}


def shown(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Each program in the blocks of a page, and the flags that it gets."""
    for block in SHOWN.findall(OTHER_CODE.sub("", page.read_text(encoding="utf-8"))):
        for line in block.replace("\\\n", " ").splitlines():
            if found := PROGRAM.search(line):
                words = takewhile(lambda word: word not in ENDS, found[2].split())
                yield found[1], [word for word in words if re.match(r"--?[a-zA-Z]", word)]


@cache
def options(program: str) -> str:
    """The text that names the options of a program."""
    if program.startswith("pcr "):
        name = program.removeprefix("pcr ")
        assert name in COMMANDS, program
        return make_parser((name,))[1][name].format_help()
    path = ROOT / program
    assert path.exists(), program
    siblings = path.rglob("*.py") if path.is_dir() else path.parent.glob(f"*{path.suffix}")
    return "".join(sibling.read_text(encoding="utf-8") for sibling in siblings)


def test_pages_show_flags_that_exist() -> None:
    seen = 0
    for page in PAGES:
        for program, flags in shown(page):
            text = options(SCRIPTS.get(program, program)).replace("_", "-")
            for flag in flags:
                name = flag.split("=")[0].replace("_", "-")
                assert re.search(rf"(?<![\w-]){name}", text), f"{page.name}: {program} {flag}"
            seen += 1
    assert seen > 100
