"""Links of the site: files outside of docs/ that are pages too, and links to files that are not."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]

_EXAMPLES = {
    script.relative_to(ROOT).as_posix(): f"project/examples/{script.stem}.md"
    for script in sorted((ROOT / "examples").glob("*.py"))
}
_PAGES = {
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "README.md": "index.md",
    "examples/README.md": "project/examples/index.md",
    **_EXAMPLES,
}
"""Where a file of the repository is in the site."""
_SOURCES = {page: source for source, page in _PAGES.items() if page.startswith("project/")}
_LINK = re.compile(
    r"(?P<text>!?\[[^\]]*\])\((?P<target>(?!\w+:|#|/)[^)#\s]+)(?P<anchor>#[^)\s]*)?\)"
)
_EMPTY_HEADER = re.compile(r"<th(?: [^>]*)?></th>")
_MENTION = re.compile(r"\bdocs/(?P<page>[a-z_/-]+\.md)\b")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the repository at the foot of each page."""
    if repository := config.extra["repository"]:
        config.copyright = f'{config.copyright} <a href="{repository}">Repository</a>'
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside of docs/."""
    for page, source in _SOURCES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if source in _EXAMPLES:
            text = f"# {Path(source).name}\n\n```python\n{text}```\n"
        files.append(File.generated(config, page, content=text, inclusion=_inclusion(source)))
    return files


def _inclusion(source: str) -> InclusionLevel:
    """The page that lists the examples has them; navigation would be long with them."""
    return InclusionLevel.NOT_IN_NAV if source in _EXAMPLES else InclusionLevel.INCLUDED


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links that leave docs/ lead to the page or, in the repository, to the file."""
    source = _SOURCES.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    here = posixpath.dirname(page.file.src_uri)

    def rewritten(link: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), link["target"]))
        target = _PAGES.get(path, path.removeprefix("docs/"))
        if path.startswith("docs/") or path in _PAGES:
            relative = posixpath.relpath(target, here or ".")
            return f"{link['text']}({relative}{link['anchor'] or ''})"
        if not (ROOT / path).exists():
            return link[0]  # which the build complains of
        if not config.extra["repository"]:
            return link["text"][1:-1]
        return f"{link['text']}({config.extra['repository']}/blob/main/{path})"

    return _LINK.sub(rewritten, markdown)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let what docstrings and the help of commands call docs/….md lead there.

    An empty cell is no header of a table, which screen readers would announce.
    """
    html = _EMPTY_HEADER.sub("<td></td>", html)

    def linked(mention: re.Match[str]) -> str:
        file = files.get_file_from_path(mention["page"])
        if file is None:
            raise LookupError(f"{page.file.src_uri}: there is no page {mention[0]}")
        title = posixpath.splitext(mention["page"])[0]
        return f'<a href="{file.url_relative_to(page.file)}">{title}</a>'

    return _MENTION.sub(linked, html) if page.file.src_uri.startswith("reference/") else html
