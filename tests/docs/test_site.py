"""The site of docs/: it builds without a warning, loads nothing from elsewhere, is accessible."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.browser import needs_browser, open_page

import pcr

ROOT = Path(__file__).parents[2]
LOADED = re.compile(
    r"""<(?:script|img|iframe|link rel="?stylesheet"?)[^>]*(?:src|href)="?(https?:[^" >]+)"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: links and anchors are checked, and pages that the navigation lacks."""
    pytest.importorskip("mkdocstrings", reason="of the extra 'docs'")
    path = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr  # --quiet would count no warnings
    return path


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    assert [found for page in pages for found in LOADED.findall(page.read_text("utf-8"))] == []


def test_the_reference_has_every_public_name(site: Path) -> None:
    pages = (site / "reference/python").glob("*.html")
    documented = set(
        re.findall(r'id="pcr\.(\w+)"', "".join(page.read_text("utf-8") for page in pages))
    )
    assert set(pcr.__all__) - {"__version__"} <= documented


def test_every_page_is_two_clicks_from_the_start(site: Path) -> None:
    found, reached = {site / "index.html"}, {site / "index.html"}
    for _ in range(2):
        reached = {target for page in reached for target in linked(page)}
        found |= reached
    assert {page for page in site.rglob("*.html") if page.name != "404.html"} - found == set()


def linked(page: Path) -> set[Path]:
    """The pages that a page has links to."""
    targets = re.findall(r'<a [^>]*href="?(?!https?:)([^"#> ]+\.html)', page.read_text("utf-8"))
    return {(page.parent / target).resolve() for target in targets}


@needs_browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 390)])
def test_pages_are_accessible(site: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    viewport = {"width": width, "height": 900}
    with open_page(
        site / "index.html", own_files=True, color_scheme=scheme, viewport=viewport
    ) as page:
        for name in ("index", "reference/python/tools", "evidence/loaders"):
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            found = Axe().run(page, options={"preload": False})  # of styles, which files may not be
            assert found.violations_count == 0, found.generate_report()


@needs_browser
def test_search_works_without_a_server(site: Path) -> None:
    with open_page(site / "guides/loader.html", own_files=True) as page:
        page.click(".md-search__input")
        page.keyboard.type("canonical streams")
        page.wait_for_selector(".md-search-result__item", state="attached")
        assert "Loader" in page.locator(".md-search-result__item h1").all_text_contents()
