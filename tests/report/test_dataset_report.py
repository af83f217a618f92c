"""The page on a dataset, in a real browser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers import jpegs
from helpers.browser import needs_browser, open_page
from helpers.conversions import PCR, fail, run
from numpy.typing import NDArray

from pcr.conversion.options import ConversionOptions
from pcr.conversion.run import convert
from pcr.dataset.reader import Dataset
from pcr.report.dataset_report import report_dataset

HOSTILE = "<img src=x onerror=alert(1)>"
TURNED = 6  # EXIF: by a quarter


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two classes, one of a name that is markup; the last image of each is turned, or gray."""
    root = tmp_path_factory.mktemp("reported")
    for name, last in ((HOSTILE, "L"), ("cat", "RGB")):
        folder = root / "in" / name
        folder.mkdir(parents=True)
        for number, mode in enumerate(["RGB", "RGB", last]):
            exif = jpegs.exif(TURNED) if name == "cat" and number == 2 else b""
            jpeg = jpegs.encode(jpegs.photo(96 + number, 64, mode), exif=exif)
            (folder / f"{number} $x$.jpg").write_bytes(jpeg)
    convert(root / "in", root / "pcr", progress=False)
    return Dataset(root / "pcr")


@pytest.fixture(scope="module")
def report(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    report_dataset(dataset, path, images_per_class=3, progress=False)
    return path


@needs_browser
def test_the_slider_walks_images_through_the_levels(report: Path, dataset: Dataset) -> None:
    expected = {
        info.name: info.level_bytes for record in dataset.records for info in record.info().images
    }
    with open_page(report) as page:
        slider = page.locator("#slider")
        slider.focus()
        page.keyboard.press("Home")
        for level in range(1, dataset.levels + 1):
            assert page.inner_text("#chosen") == str(level)
            figures = page.locator(".image")
            assert figures.count() == len(dataset)
            for figure in figures.all():
                name = figure.locator(".name").text_content()
                shown = int(figure.locator(".numbers").text_content().split()[0].replace(",", ""))
                assert shown == sum(expected[name][:level]) + 2
            page.keyboard.press("ArrowRight")


@needs_browser
def test_images_are_the_levels_of_the_dataset(report: Path) -> None:
    """Each level decodes, looks different, and has the size and orientation of its image."""
    pixels = """async () => {
        const picture = document.querySelector('.image img');
        await picture.decode();
        const canvas = document.createElement('canvas');
        canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
        canvas.getContext('2d').drawImage(picture, 0, 0);
        return canvas.toDataURL();
    }"""
    with open_page(report) as page:
        page.locator("#slider").fill("1")
        first = page.evaluate(pixels)
        page.locator("#slider").fill("10")
        assert page.evaluate(pixels) != first
        images = page.locator(".image img").all()
        sizes = [image.evaluate("i => [i.naturalWidth, i.naturalHeight]") for image in images]
        assert sorted(map(tuple, sizes)) == [
            (64, 98),
            (96, 64),
            (96, 64),
            (97, 64),
            (97, 64),
            (98, 64),
        ]


@needs_browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("light", 1400), ("dark", 800)])
def test_the_page_is_accessible(report: Path, scheme: str, width: int) -> None:
    from axe_playwright_python.sync_playwright import Axe

    viewport = {"width": width, "height": 800}
    with open_page(report, color_scheme=scheme, viewport=viewport, bypass_csp=True) as page:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


@needs_browser
@pytest.mark.parametrize("width", [360, 800, 1400])
def test_no_width_makes_the_page_scroll_sideways(report: Path, width: int) -> None:
    with open_page(report, viewport={"width": width, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.emulate_media(media="print")
        assert not page.locator("#slider").is_visible()
        assert page.locator("#chosen").is_visible()


@needs_browser
def test_names_are_text(report: Path) -> None:
    with open_page(report) as page:
        assert HOSTILE in page.locator("#gallery h3").all_text_contents()
        assert page.locator("img[src='x']").count() == 0


def test_the_page_says_what_the_dataset_is(report: Path, dataset: Dataset) -> None:
    text = report.read_text(encoding="utf-8")
    for fact in ("Grayscale</dt><dd>1 of 6", "orientation)</dt><dd>1 of 6", "n_scans="):
        assert fact in text
    assert f"{dataset.info.source_bytes:,} bytes" in text
    assert len(text) < 5_000_000


def test_skipped_images_are_listed(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "cat"
    folder.mkdir(parents=True)
    (folder / "good.jpg").write_bytes(jpegs.encode(jpegs.photo(64, 64, "RGB")))
    (folder / "broken.jpg").write_bytes(b"no JPEG")
    options = ConversionOptions(on_bad_image="skip")
    convert(tmp_path / "in", tmp_path / "pcr", options, progress=False)
    path = tmp_path / "page.html"
    report_dataset(Dataset(tmp_path / "pcr"), path, progress=False)
    listed = path.read_text(encoding="utf-8").partition("Skipped or changed when converting")[2]
    assert "cat/broken.jpg" in listed


def test_a_network_has_its_say(dataset: Dataset, tmp_path: Path) -> None:
    def predict(images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        """A network that tells images by their brightness, so that each level is another to it."""
        dark = np.array([image.mean() / 300 for image in images])
        return np.log(np.stack([dark, 1 - dark], axis=1))

    path = tmp_path / "page.html"
    report_dataset(dataset, path, predict=predict, most_kl=100, images_per_class=1, progress=False)
    text = path.read_text(encoding="utf-8")
    for fact in ("n_scans=1</code>", "lowest level with a KL divergence", ">same class</th>"):
        assert fact in text


def test_the_command(dataset: Dataset, tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.html"
    words = ("report", dataset.root, "-o", page, "--sample", "2", "--quiet")
    assert run(PCR, *words).returncode == 0
    before = page.read_bytes()
    assert "already exists: --force replaces it" in fail(PCR, *words)
    assert page.read_bytes() == before
    assert run(PCR, *words, "--force").returncode == 0


def test_what_is_neither_a_dataset_nor_a_run(dataset: Dataset, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "page.html")
    assert str(tmp_path) in fail(PCR, "report", tmp_path, *out)
    assert "expected one dataset or runs" in fail(
        PCR, "report", dataset.root, tmp_path, *out, code=2
    )
    assert not (tmp_path / "page.html").exists()


def test_a_damaged_record_leaves_no_page(dataset: Dataset, tmp_path: Path) -> None:
    copy = tmp_path / "pcr"
    copy.mkdir()
    for file in dataset.root.iterdir():
        data = bytearray(file.read_bytes())
        if file.name == "PCR_0.db":
            data[data.rindex(b"\xff\xda")] ^= 0xFF  # an SOS marker: a byte of some scan
        (copy / file.name).write_bytes(data)
    line = fail(PCR, "report", copy, "-o", tmp_path / "page.html", "--quiet")
    assert "PCR_0.db" in line and not (tmp_path / "page.html").exists()
