"""The page on training runs, in a real browser."""

from __future__ import annotations

from pathlib import Path

from helpers.browser import needs_browser, open_page
from helpers.conversions import PCR, fail, run
from helpers.metrics_files import write_run


@needs_browser
def test_a_page_on_two_runs(tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    runs = [write_run(tmp_path / f"run_{n}", n) for n in (2, 10)]
    page_file = tmp_path / "runs.html"
    assert run(PCR, "report", runs[0].parent, runs[1], "-o", page_file).returncode == 0
    with open_page(page_file, bypass_csp=True) as page:
        assert page.locator("tbody th").all_text_contents() == ["run_2", "run_10"]
        assert {"accuracy", "loss", "waiting"} <= set(
            page.locator("main section").evaluate_all("all => all.map(s => s.id)")
        )
        assert page.locator("svg").count() == 5
        assert Axe().run(page).violations_count == 0


def test_labels_are_one_per_run(tmp_path: Path) -> None:
    file = write_run(tmp_path / "run")
    out = tmp_path / "page.html"
    line = fail(PCR, "report", file, "--labels", "a", "b", "-o", out, code=2)
    assert "--labels: expected 1 names, one per run, found 2" in line and not out.exists()
