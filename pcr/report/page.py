"""A page: a template, filled in, with its styles and its script inside."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pcr import __version__
from pcr.atomic import atomic_path
from pcr.errors import printable

_TEMPLATES = files("pcr.report") / "templates"


def write_page(path: Path, template: str, **content: object) -> None:
    """Fill in a template and write the page, whole or not at all.

    Whatever ``content`` holds is escaped, but for Markup. The page loads nothing and runs no script
    but its own: its Content-Security-Policy says so (https://www.w3.org/TR/CSP3/).
    """
    script, style = (Markup(_read(name)) for name in ("levels.js", "style.css"))
    environment = Environment(
        loader=PackageLoader("pcr.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = printable
    text = environment.get_template(template).render(
        script=script, script_hash=_csp_hash(script), style=style, version=__version__, **content
    )
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _csp_hash(script: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
