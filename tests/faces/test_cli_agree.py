"""`spondyl agree`: two label maps of a small virtual patient, the second changed in ways that are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from spondyl.space import Geometry, Volume
from spondyl.studies import read_label_image, write_label_nifti

Cli = Callable[..., Any]
VERSE = ("--label-map-a", "verse", "--label-map-b", "verse")


@pytest.fixture(scope="module")
def changed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other readings of the small patient's labels (L2 and L3)."""
    folder = tmp_path_factory.mktemp("changed")
    labels = read_label_image(small / "labels.nii.gz").labels
    array = labels.array
    numbers = {"renamed": {21: 22, 22: 23}, "merged": {22: 21}, "missed": {22: 0}, "totalseg": {21: 30, 22: 29}}
    for name, given in numbers.items():
        out = array.copy()
        for number, other in given.items():
            out[array == number] = other
        write_label_nifti(Volume(out, labels.geometry, "1"), folder / f"{name}.nii.gz")
    cropped = Geometry(labels.geometry.affine, (*array.shape[:2], array.shape[2] - 1))
    write_label_nifti(Volume(array[:, :, :-1], cropped, "1"), folder / "cropped.nii.gz")
    write_label_nifti(Volume(array[::-1], labels.geometry, "1"), folder / "mirrored.nii.gz")
    return folder


def bones(document: dict[str, Any]) -> list[tuple[str, list[str], list[str]]]:
    return [(bone["kind"], bone["first"], bone["second"]) for bone in document["bones"]]


def test_the_same_labels_agree_with_themselves_and_that_is_no_accuracy(small: Path, cli: Cli) -> None:
    labels = small / "labels.nii.gz"
    document = cli("agree", labels, labels, *VERSE, "--json").json()
    assert document["schema"] == "spondyl.agreement/1" and "not accuracy" in document["not_accuracy"]
    assert bones(document) == [("same", ["L2"], ["L2"]), ("same", ["L3"], ["L3"])]
    told = {(f["name"], f["level"]): f["value"] for f in document["findings"]}
    assert told["dice", "L2"] == told["body_dice", "L3"] == 1.0
    assert told["anterior_height_difference", "L2"] == told["mean_height_difference", None] == 0.0


def test_each_file_has_its_own_numbers(small: Path, changed: Path, cli: Cli) -> None:
    maps = ("--label-map-a", "verse", "--label-map-b", "totalseg")
    document = cli("agree", small / "labels.nii.gz", changed / "totalseg.nii.gz", *maps, "--json").json()
    assert document["name_shift"] == 0
    assert {f["value"] for f in document["findings"] if f["name"] == "dice"} == {1.0}


def test_a_shift_of_all_names_is_one_sentence(small: Path, changed: Path, cli: Cli) -> None:
    text = cli("agree", small / "labels.nii.gz", changed / "renamed.nii.gz", *VERSE).out
    assert text.startswith("This is agreement, not accuracy")
    assert "NAMES: all names of the second label map lie one level further towards the feet (L2 as L3" in text


def test_merged_and_missed_bones_are_named(small: Path, changed: Path, cli: Cli) -> None:
    labels = small / "labels.nii.gz"
    assert "MERGED: several bones of the first are one in the second: L2 and L3 as L2." in (
        cli("agree", labels, changed / "merged.nii.gz", *VERSE).out
    )
    split = cli("agree", changed / "merged.nii.gz", labels, *VERSE, "--json").json()
    assert bones(split) == [("split", ["L2"], ["L2", "L3"])]
    assert "Only in the first label map: L3." in cli("agree", labels, changed / "missed.nii.gz", *VERSE).out


def test_another_grid_must_be_asked_for(small: Path, changed: Path, cli: Cli) -> None:
    labels = small / "labels.nii.gz"
    refused = cli("agree", labels, changed / "cropped.nii.gz", *VERSE)
    assert refused.code == 2 and "different grids" in refused.err and "--resample" in refused.err
    document = cli("agree", labels, changed / "cropped.nii.gz", *VERSE, "--resample", "--json").json()
    statuses = {f["status"] for f in document["findings"] if f["name"] == "dice"}
    assert statuses == {"uncertain"}


def test_the_page_and_its_record_are_written_whole_or_not_at_all(
    small: Path, changed: Path, cli: Cli, tmp_path: Path
) -> None:
    arguments = (small / "labels.nii.gz", changed / "renamed.nii.gz", *VERSE, "--out", tmp_path / "page")
    assert cli("agree", *arguments).code == 0
    assert {file.name for file in (tmp_path / "page").iterdir()} == {"agreement.html", "agreement.json"}
    again = cli("agree", *arguments)
    assert again.code == 2 and "not empty" in again.err


def test_the_page_says_what_it_is_marks_all_sides_and_fetches_nothing(
    small: Path, changed: Path, cli: Cli, tmp_path: Path, browser: Browser
) -> None:
    given = (small / "labels.nii.gz", changed / "renamed.nii.gz", *VERSE)
    assert cli("agree", *given, "--study", small / "ct.nii.gz", "--out", tmp_path / "page").code == 0
    page = browser.new_context(bypass_csp=True, viewport={"width": 360, "height": 800}).new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "page" / "agreement.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert page.inner_text(".notice").startswith("This is agreement, not accuracy")
    assert "the patient's right on the left side" in (page.get_attribute("figure img", "alt") or "")
    assert page.inner_text("h1") == "Agreement of two label maps: virtual"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    result = Axe().run(page)
    assert result.violations_count == 0, result.generate_report()


def test_the_outlines_in_the_picture_stay_on_their_side(small: Path, changed: Path) -> None:
    """A second map whose L3 is cut down to the patient's left half: in the frontal cut its outline is on the right."""
    from spondyl.documents.agreement import masks_table
    from spondyl.documents.figures_agreement import draw_outlines
    from spondyl.findings import measure_agreement
    from spondyl.spine import build_spine
    from spondyl.studies import LabelImage

    image = read_label_image(small / "labels.nii.gz")
    first = build_spine(None, labels=image, label_map="verse")
    array = image.labels.array.copy()
    points = image.labels.geometry.points(np.argwhere(array == 22))
    right = np.argwhere(array == 22)[points[:, 0] < np.median(points[:, 0])]  # LPS: x grows to the patient's left
    array[tuple(right.T)] = 0
    second = build_spine(None, labels=LabelImage(Volume(array, image.labels.geometry, "1"), None), label_map="verse")
    found = measure_agreement(first, second)
    picture = draw_outlines(first, second, found.bones, masks_table(found))
    assert picture is not None
    blue = _pixels(picture.png, (86, 180, 233))
    width, yellow = blue.shape[1], _pixels(picture.png, (240, 228, 66))
    lower = slice(blue.shape[0] // 2, None)
    columns = [np.argwhere(colour[lower, width // 2 :])[:, 1] for colour in (yellow, blue)]
    assert np.median(columns[1]) > np.median(columns[0]) + 5


def _pixels(png: bytes, colour: tuple[int, int, int]) -> np.ndarray:
    """Where a picture has about this colour."""
    import io

    from matplotlib.image import imread

    image = np.asarray(imread(io.BytesIO(png), format="png"))[..., :3] * 255
    return np.asarray((np.abs(image - colour) < 30).all(axis=-1))
