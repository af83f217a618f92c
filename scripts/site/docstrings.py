"""Docstrings as Markdown: what parameters mean becomes a list, and public names become links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import griffe

import pcr

_SUBMODULES = ("pcr.torch", "pcr.transforms", "pcr.dali")
_ITEM = r"(?:\w+, )*\w+"
_FIRST_ITEM = re.compile(rf"(?P<names>{_ITEM}): ")
_FURTHER_ITEM = re.compile(rf"(?<=[.;)] )(?P<names>{_ITEM}): ")
_CODE = re.compile(r"``(?P<code>[^`]+)``|`(?P<name>[\w.]+)`|\b(?P<error>[A-Z]\w*Error)\b")


class Docstrings(griffe.Extension):
    """Rewrites the docstring of each object, once its parameters are known."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one."""
        if obj.docstring is not None:
            names = set(_described(obj))
            paragraphs = obj.docstring.value.strip().split("\n\n")
            obj.docstring.value = "\n\n".join(
                _linked(_as_list(paragraph, names), obj.module) for paragraph in paragraphs
            )


def _described(obj: griffe.Object) -> Iterable[str]:
    """What an object's docstring may describe: its parameters, or its attributes."""
    if isinstance(obj, griffe.Function):
        return [parameter.name for parameter in obj.parameters]
    return obj.members if isinstance(obj, griffe.Class) else ()


def _as_list(paragraph: str, names: set[str]) -> str:
    """A paragraph of ``name: meaning`` as a list, others as they are."""
    if not _FIRST_ITEM.match(paragraph):
        return paragraph
    items: list[str] = []
    for line in paragraph.split("\n"):
        if _FIRST_ITEM.match(line) or not items:
            items.append(line)
        else:
            items[-1] += " " + line.strip()
    return "\n".join(line for item in items for line in _split(item, names))


def _split(item: str, names: set[str]) -> Iterator[str]:
    """The items of a line: a further one begins after a sentence, with names that are known."""
    starts = [
        found.start()
        for found in _FURTHER_ITEM.finditer(item)
        if names.issuperset(found["names"].split(", "))
    ]
    for start, end in zip([0, *starts], [*starts, len(item)], strict=True):
        described, meaning = item[start:end].strip().split(": ", maxsplit=1)
        yield f"- {', '.join(f'``{name}``' for name in described.split(', '))}: {meaning}"


def _linked(text: str, module: griffe.Module) -> str:
    """A text whose public names lead to what the reference says of them."""

    def link(found: re.Match[str]) -> str:
        name = found["code"] or found["name"] or found["error"]
        path = _path(name, module)
        return f"[`{name}`][{path}]" if path else f"`{name}`"

    return _CODE.sub(link, text)


def _path(name: str, module: griffe.Module) -> str | None:
    """Where the reference has a public name; None for others."""
    plain = name.removeprefix("pcr.")
    if plain in pcr.__all__:
        return f"pcr.{plain}"
    member = module.members.get(name) if module.path in _SUBMODULES else None
    return member.path if member and member.is_public and not member.is_alias else None
