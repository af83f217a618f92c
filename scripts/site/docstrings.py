"""Docstrings as Markdown: what parameters mean becomes a list, and public names become links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import griffe

import pcr

_SUBMODULES = ("pcr.torch", "pcr.transforms", "pcr.dali")
_ITEM = re.compile(r"\w+(?:, \w+)*: ")
_NEXT_ITEM = re.compile(r"(?<=\.) (?=[a-z_]\w*(?:, \w+)*: )")
_PROSE_AFTER = re.compile(r"(?<=\.)\n(?=[A-Z])")
_REFERENCE = re.compile(r"(?<!`)`(?P<name>[\w.]+)`(?!`)|\b(?P<error>[A-Z]\w*Error)\b")


class Docstrings(griffe.Extension):
    """Rewrites the docstrings that the reference shows."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one."""
        if obj.docstring is not None:
            summary, *paragraphs = obj.docstring.value.strip().split("\n\n")
            text = "\n\n".join([summary, *map(_as_list, paragraphs)])
            obj.docstring.value = _REFERENCE.sub(lambda found: _linked(found, obj.module), text)


def _as_list(paragraph: str) -> str:
    """A paragraph of ``name: meaning`` as a list, and the prose after it; others as they are."""
    if not _ITEM.match(paragraph):
        return paragraph
    described, *prose = _PROSE_AFTER.split(paragraph, maxsplit=1)
    items = re.sub(r"\n(?=\w+(?:, \w+)*: )", "\n\n", described).split("\n\n")
    lines = [line for item in items for line in _items(" ".join(item.split()))]
    return "\n\n".join(["\n".join(lines), *prose])


def _items(text: str) -> Iterator[str]:
    """The items of one line or more: a further one begins after a sentence."""
    for item in _NEXT_ITEM.split(text):
        names, meaning = item.split(": ", maxsplit=1)
        yield f"- {', '.join(f'``{name}``' for name in names.split(', '))}: {meaning}"


def _linked(found: re.Match[str], module: griffe.Module) -> str:
    """A name in single backticks, or of an error, as a link to what the reference says of it."""
    name = found["name"] or found["error"]
    path = _path(name, module)
    return f"[`{name}`][{path}]" if path else f"`{name}`"


def _path(name: str, module: griffe.Module) -> str | None:
    """Where the reference has a public name; None for others."""
    plain = name.removeprefix("pcr.")
    if plain in pcr.__all__:
        return f"pcr.{plain}"
    member = module.members.get(name) if module.path in _SUBMODULES else None
    return member.path if member and member.is_public and not member.is_alias else None
