"""The report in a browser: no rule of accessibility broken, nothing fetched, nothing wider than a telephone."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from spondyl.decisions import plan_procedure
from spondyl.documents.booklet import write_booklet
from spondyl.documents.languages import language_codes
from spondyl.documents.settings import Settings
from spondyl.documents.sheet import write_sheet
from spondyl.studies import Bleeding, Patient


def test_axe_finds_nothing(browser: Browser, finished: tuple[Path, object]) -> None:
    page = browser.new_context(bypass_csp=True).new_page()  # axe is a script; the report itself allows none
    page.goto((finished[0] / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("width", [360, 1200])
def test_the_page_fits_its_width_and_fetches_nothing(
    browser: Browser, finished: tuple[Path, object], width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((finished[0] / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert all(url.startswith(("file:", "data:")) for url in asked)


def test_the_keyboard_reaches_the_results_first(browser: Browser, finished: tuple[Path, object]) -> None:
    page = browser.new_page()
    page.goto((finished[0] / "report.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_axe_finds_nothing_on_the_procedure_sheet(browser: Browser, tmp_path: Path) -> None:
    sheet = plan_procedure(Patient(bleeding=Bleeding(("apixaban",), 2.1)))
    write_sheet(tmp_path / "procedure.html", sheet, Settings())
    page = browser.new_context(bypass_csp=True).new_page()
    page.goto((tmp_path / "procedure.html").as_uri())
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


@pytest.mark.parametrize("code", language_codes())
def test_axe_finds_nothing_on_the_booklet_and_it_fits_a_telephone(browser: Browser, tmp_path: Path, code: str) -> None:
    write_booklet(tmp_path / "booklet.html", patient=Patient(fracture_levels=("L1",)), findings=(), language=code)
    page = browser.new_context(bypass_csp=True, viewport={"width": 360, "height": 800}).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "booklet.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert all(url.startswith(("file:", "data:")) for url in asked)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") in ("A", "DIV")  # a source, or the table that scrolls
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


def test_the_finished_booklet_is_clean_too(browser: Browser, finished: tuple[Path, object]) -> None:
    page = browser.new_context(bypass_csp=True).new_page()
    page.goto((finished[0] / "booklet.html").as_uri())
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
