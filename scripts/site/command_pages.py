"""The reference of the command `pcr`: a page for each sub-command, made of its argument parser."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from html import escape

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from pcr.cli.command import Command, load
from pcr.cli.examples import EXAMPLES
from pcr.cli.main import COMMANDS, make_parser

_OF_THIS_MACHINE = re.compile(r", here \d+")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    _, parsers, commands = make_parser(COMMANDS)
    for name, parser in parsers.items():
        content = "\n".join(_page(name, parser, commands[name]))
        files.append(File.generated(config, f"reference/commands/{name}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the page on `pcr` list its commands."""
    if page.file.src_uri != "reference/commands/index.md":
        return markdown
    rows = [f"| [{name}]({name}.md) | {load(name).HELP} |" for name in COMMANDS]
    table = "\n".join(["## Commands", "", "| command | does |", "|---|---|", *rows, "", ""])
    return markdown.replace("## Exit codes", f"{table}## Exit codes", 1)


def _page(name: str, parser: argparse.ArgumentParser, command: Command) -> Iterator[str]:
    yield f"# pcr {name}\n\n{command.HELP}\n"
    yield "\n".join(["```sh", *EXAMPLES[name], "```\n"])
    if notes := getattr(command, "EPILOG", ""):
        yield f"{notes}\n"
    formatter = parser.formatter_class(parser.prog)
    for group in parser._action_groups:
        actions = [each for each in group._group_actions if each.help != argparse.SUPPRESS]
        if actions:
            yield f"## {(group.title or '').removeprefix('positional ').capitalize()}\n"
        for action in actions:
            meaning = formatter._expand_help(action) if action.help else ""
            yield f"<code>{escape(formatter._format_action_invocation(action))}</code>"
            yield f":   {escape(_OF_THIS_MACHINE.sub('', meaning))}\n"
    yield "[The command `pcr`](index.md) has the exit codes, and says how JSON is printed."
