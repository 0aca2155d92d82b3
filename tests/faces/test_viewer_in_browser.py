"""The viewer in a browser: drawn, on the right side, within its slice, by keyboard, from nothing but the file."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from spondyl.documents.report import write_report
from spondyl.documents.viewer import viewer_script
from spondyl.planning import plan_augmentation
from spondyl.space import Volume
from spondyl.spine import Level, Side, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

WAIT_MS = 120_000  # one software renderer for all tests of a crowded machine


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of one level with a left needle alone, and a bright block in the muscle on the left."""
    if viewer_script() is None:
        pytest.skip("the viewer is not built: python viewer/build.py")
    spec = VirtualSpineSpec(levels=(Level.L1,), scan=ScanSpec(in_plane_mm=1.2, slice_step_mm=1.2))
    patient = make_virtual_patient(spec, np.random.default_rng(4))
    bare = build_spine(Study(patient.ct, Scan(), Patient()), labels=LabelImage(patient.labels, None), label_map="verse")
    plan = plan_augmentation(bare, "L1", gauge=13)
    left = next(path for path in plan.needles if path.side is Side.LEFT)
    grid = patient.ct.geometry
    block = left.target + np.array([30.0, 0.0, 0.0])
    away = np.abs(grid.points(np.moveaxis(np.indices(grid.shape), 0, -1)) - block)
    bright = np.where((away < 8.0).all(axis=-1), 2000, patient.ct.array).astype(np.int16)
    study = Study(Volume(bright, grid, patient.ct.unit), Scan(), Patient())
    path = tmp_path_factory.mktemp("viewer") / "report.html"
    one = dataclasses.replace(plan, needles=(left,), balloons=())
    write_report(path, findings=(), spine=dataclasses.replace(bare, study=study), plans=(one,))
    return path


@pytest.fixture(scope="module")
def asked() -> list[str]:
    """Every address that the page asked for."""
    return []


@pytest.fixture(scope="module")
def page(browser: Browser, report: Path, asked: list[str]) -> Iterator[Page]:
    """The report with its viewer started."""
    context = browser.new_context(viewport={"width": 640, "height": 480})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.locator("#viewer-section").scroll_into_view_if_needed()
    page.wait_for_selector("body[data-viewer=ready]")
    yield page
    context.close()


def picture(page: Page) -> np.ndarray:
    """The canvas as it is seen, shape (rows, columns, 3), 0 to 1."""
    png = page.locator("#viewer-canvas").screenshot()
    return matplotlib.image.imread(io.BytesIO(png))[..., :3]


def needle_columns(page: Page) -> np.ndarray:
    """Places across the canvas (0 left, 1 right) where something changes when the needles are taken away."""
    button = page.get_by_role("button", name="Needles", exact=True)
    shown = picture(page)
    button.click()
    hidden = picture(page)
    button.click()
    changed = np.abs(shown - hidden).max(axis=2) > 0.1
    return np.argwhere(changed)[:, 1] / changed.shape[1]


def test_it_is_drawn_from_the_file_alone(page: Page, asked: list[str]) -> None:
    assert picture(page).std() > 0.1
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    assert "L1" in (page.locator("#viewer-place").text_content() or "")


@pytest.mark.parametrize("view", ["Axial", "Coronal"])
def test_left_is_on_the_right_side_as_in_the_still_pictures(page: Page, view: str) -> None:
    page.get_by_role("button", name=view, exact=True).click()
    page.get_by_role("button", name="L1 left 13 G", exact=False).filter(has_text="tip").click()
    places = needle_columns(page)
    assert len(places) > 20 and places.mean() > 0.5
    label_free = page.get_by_role("button", name="Labels", exact=True)
    label_free.click()
    image = picture(page)
    label_free.click()
    bright = image.min(axis=2) > 0.97
    halves = bright[:, : bright.shape[1] // 2].sum(), bright[:, bright.shape[1] // 2 :].sum()
    assert halves[1] > halves[0] + 200


def test_no_needle_shows_outside_its_slice(page: Page) -> None:
    page.get_by_role("button", name="Sagittal", exact=True).click()
    page.get_by_role("button", name="L1 left 13 G", exact=False).filter(has_text="tip").click()
    assert len(needle_columns(page)) > 20
    slider = page.get_by_label("To the left")
    slider.focus()
    page.keyboard.press("Home")  # the outermost plane on the right
    assert len(needle_columns(page)) == 0


def test_the_keyboard_reaches_everything_and_axe_finds_nothing(browser: Browser, report: Path) -> None:
    context = browser.new_context(bypass_csp=True, viewport={"width": 640, "height": 480})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("#viewer-section").scroll_into_view_if_needed()
    page.wait_for_selector("body[data-viewer=ready]")
    controls = page.locator("#viewer button, #viewer input").count()
    page.locator("#viewer button").first.focus()
    reached = 1
    while page.evaluate("document.activeElement.id") != "viewer-axis-2":
        page.keyboard.press("Tab")
        reached += page.evaluate("document.activeElement.matches('#viewer button, #viewer input')")
        assert reached <= controls
    assert reached == controls
    page.get_by_role("button", name="3D", exact=True).focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("button", name="3D", exact=True).get_attribute("aria-pressed") == "true"
    assert "three dimensions" in (page.locator("#viewer-canvas").get_attribute("aria-label") or "")
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()
    context.close()


def test_without_webgl_it_points_to_the_still_pictures(browser: Browser, report: Path) -> None:
    context = browser.new_context()
    context.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
    page = context.new_page()
    page.goto(report.as_uri())
    page.locator("#viewer-section").scroll_into_view_if_needed()
    page.wait_for_selector("body[data-viewer=failed]")
    assert "still pictures" in (page.locator("#viewer-status").text_content() or "")
    assert not page.locator("#viewer-canvas").is_visible()
    context.close()
