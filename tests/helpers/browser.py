"""A real browser without a window, which notes whatever a page does that it should not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")


@contextmanager
def open_page(path: Path, *, own_files: bool = False, **options: Any) -> Iterator[Any]:
    """The page of a file; in the end it has loaded nothing, logged nothing and raised nothing.

    own_files: it may load files from the disk.
    """
    from playwright.sync_api import sync_playwright

    noted: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(**options).new_page()
        page.on("console", lambda message: noted.append(message.text))
        page.on("pageerror", lambda error: noted.append(str(error)))
        page.on("dialog", lambda dialog: noted.append(dialog.message))
        page.on("request", lambda request: noted.append(request.url))
        page.goto(path.absolute().as_uri())
        yield page
        browser.close()
    own = ("file:", "data:", "blob:")
    assert [line for line in noted if not line.startswith(own)] == []
    assert own_files or len([line for line in noted if line.startswith("file:")]) == 1
