"""Plans in the report: a sheet a level, two pictures a needle, right and left told apart, doubts said."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from pypdf import PdfReader

from spondyl.documents.access import access_section, cited_keys, class_words
from spondyl.documents.figures import WINDOW_HU, Picture
from spondyl.documents.figures_access import _draw_profile, balloon_outline, direction_letters, draw_needle
from spondyl.documents.report import write_report
from spondyl.planning import (
    AccessClass,
    Angles,
    Approach,
    Balloon,
    ClearanceProfile,
    NeedlePath,
    Plan,
    Structure,
    clearance_profiles,
    no_treatment,
    plan_augmentation,
)
from spondyl.space import Volume
from spondyl.spine import Level, Side, Spine, Surrounding, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient


@pytest.fixture(scope="module")
def real() -> Spine:
    """L1 of a virtual patient at 1.2 mm: the hand-made spine of the other tests has no arches."""
    spec = VirtualSpineSpec(levels=(Level.L1,), scan=ScanSpec(in_plane_mm=1.2, slice_step_mm=1.2))
    patient = make_virtual_patient(spec, np.random.default_rng(4))
    study = Study(patient.ct, Scan(), Patient())
    return build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")


@pytest.fixture(scope="module")
def plan(real: Spine) -> Plan:
    return plan_augmentation(real, "L1", gauge=13)


def without_class(path: NeedlePath) -> NeedlePath:
    return dataclasses.replace(path, access_class=None, clearances=(), skin_depth_mm=None)


def test_letters_name_the_directions_of_a_picture() -> None:
    assert direction_letters(np.array([1.0, 0.0, 0.0])) == "L"
    assert direction_letters(np.array([-0.8, 0.6, 0.0])) == "RP"
    assert direction_letters(np.array([0.0, -0.5, -0.9])) == "FA"


def test_a_sheet_names_sides_numbers_and_doubts(real: Spine, plan: Plan) -> None:
    section = access_section((plan,), real, ("Planned because asked for: L1.",))
    assert section is not None
    (sheet,) = section.sheets
    assert sheet.needles.head == ("What", "LEFT (L)", "RIGHT (R)")
    rows = {row[0]: row[1:] for row in sheet.needles.rows}
    assert rows["Tip, depth from bone"] == tuple(f"{path.bone_depth_mm:.0f} mm" for path in plan.needles)
    assert rows["Class"] == tuple(class_words(path) for path in plan.needles)
    told = re.findall(r"-?\d+\.\d", rows["Clearance to the spinal canal"][0])
    canal = plan.needles[0].clearances[0]
    wanted = (canal.value_mm, canal.low_mm, canal.high_mm, canal.low_placed_mm)
    assert [float(number) for number in told] == [np.floor(value * 10) / 10 for value in wanted]
    assert sheet.unchecked == plan.unchecked and sheet.notes == plan.notes
    assert [picture.name for picture in sheet.pictures] == ["needle-L1-left", "needle-L1-right"]


def test_a_path_that_cannot_be_judged_has_no_class_no_chart_and_no_clearance(real: Spine, plan: Plan) -> None:
    bare = without_class(plan.needles[0])
    assert class_words(bare) == "no class: orientation only"
    unsure = dataclasses.replace(plan, needles=(bare,))
    picture = draw_needle(real, unsure, bare, clearance_profiles(real, unsure)[0])
    assert "orientation only" in picture.title and "cannot be judged" in picture.alt
    assert "depths from it are unknown" in picture.alt and not picture.table.rows


def test_the_legend_stands_where_no_curve_is_and_only_what_is_near_has_a_curve(real: Spine, plan: Plan) -> None:
    """Behind the entry no clearance is drawn: the legend had lain over the curves near the entry."""
    path = plan.needles[0]
    depth = np.linspace(0.0, path.bone_depth_mm, 20)
    near, far = np.full(20, 3.0), np.full(20, 9.0)
    kinds = (Structure.CANAL, Structure.NEIGHBOUR, Structure.FORAMEN, Structure.AIR, Structure.ILIAC_VESSELS)
    told = (*((kind, near) for kind in kinds), (Structure.RIBS, far), (Structure.BODY_WALL, near))
    figure = Figure(figsize=(5.5, 3.5))
    axes = figure.add_axes((0.08, 0.2, 0.56, 0.23))  # as large as in the report
    limits = (path.bone_depth_mm + 20.0, -40.0)
    _draw_profile(axes, ClearanceProfile(depth, told, 0.5, 0.9), limits)
    FigureCanvasAgg(figure).draw()
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["canal", "next bone", "foramen", "lung, bowel", "iliac", "own wall"]  # ribs: nowhere near
    left = legend.get_window_extent().x0
    entry = axes.transData.transform((0.0, 0.0))[0]
    assert left >= entry  # depth runs to the left
    looks = {(str(line.get_color()), str(line.get_linestyle())) for line in axes.lines[:6]}
    assert len(looks) == 6


def test_what_is_labelled_beside_the_spine_is_outlined_and_named(real: Spine, plan: Plan) -> None:
    x = real.geometry.points(np.moveaxis(np.indices(real.geometry.shape), 0, -1).astype(float))[..., 0]
    mask = Volume(x > plan.needles[0].target[0] + 8, real.geometry, "1")
    labelled = dataclasses.replace(real, surroundings=((Surrounding.KIDNEYS, mask),))
    profiles = clearance_profiles(real, plan)
    bare, drawn = (draw_needle(spine, plan, plan.needles[0], profiles[0]) for spine in (real, labelled))
    assert "Outlined where a plane meets them: kidneys." in drawn.alt and "Outlined" not in bare.alt
    yellow = [_yellow(picture) for picture in (bare, drawn)]
    assert yellow[0] == 0 and yellow[1] > 50


def _yellow(picture: Picture) -> int:
    """Pixels of the outlines' colour."""
    red, green, blue = np.moveaxis(matplotlib.image.imread(io.BytesIO(picture.png))[..., :3], -1, 0)
    return int(((red > 0.85) & (green > 0.8) & (blue < 0.45)).sum())


def test_balloons_have_rows_of_their_own_and_a_side_without_one_says_so(real: Spine) -> None:
    plan = plan_augmentation(real, "L1", gauge=13, course="kyphoplasty")
    left = plan.balloon(Side.LEFT)
    assert left is not None
    section = access_section((dataclasses.replace(plan, balloons=(left,)),), real)
    assert section is not None
    rows = {row[0]: row[1:] for row in section.sheets[0].needles.rows}
    size, none = rows["Balloon (check the instructions for use)"]
    width = np.floor(left.diameter_mm * 10) / 10
    assert size.startswith(f"{left.length_mm:.0f} mm long, up to {width:.1f} mm wide") and none == "none fits"
    middle = np.linalg.norm(left.centre - plan.needles[0].entry)  # the balloon lies on the needle's axis
    assert rows["Balloon, middle from bone"][0] == f"{middle:.0f} mm"
    assert {"kyphon_ifu", "provenzano2004"} <= set(cited_keys(section))


def test_the_cement_of_several_levels_is_added_and_its_flags_are_printed(tmp_path: Path, plan: Plan) -> None:
    assert plan.cement is not None
    lots = dataclasses.replace(plan.cement, low_ml=4.04, high_ml=8.04)
    pair = tuple(dataclasses.replace(plan, level=level, cement=lots) for level in (Level.L1, Level.L2))
    section = access_section(pair, None)
    assert section is not None
    assert section.totals[0] == "cement of L1, L2 together: 8.1 to 16.1 ml, a bracket, no target"
    assert "all of the bracket lies above 7 ml" in section.totals[1] and "hsieh2019" in cited_keys(section)
    write_report(tmp_path / "r.html", findings=(), plans=pair)
    html = (tmp_path / "r.html").read_text("utf-8")
    assert "Cement of L1, L2 together: 8.1 to 16.1 ml" in html and 'id="source-hsieh2019"' in html


def brighter_towards(spine: Spine, axis: int) -> Spine:
    """The same spine in a CT that brightens along +x (left), +y (back) or +z (head)."""
    assert spine.study is not None
    ct = spine.study.ct
    along = ct.geometry.points(np.moveaxis(np.indices(ct.array.shape), 0, -1).astype(float))[..., axis]
    shade = (along - along.min()) / np.ptp(along)
    array = (WINDOW_HU[0] + shade * (WINDOW_HU[1] - WINDOW_HU[0])).astype(np.float32)
    study = dataclasses.replace(spine.study, ct=Volume(array, ct.geometry, ct.unit))
    return dataclasses.replace(spine, study=study)


@pytest.mark.parametrize("side", list(Side))
def test_each_plane_lies_as_its_words_say(real: Spine, plan: Plan, side: Side) -> None:
    """First plane: front left, head up. Second: from below, so front up and the patient's right on the left."""
    (path,) = [one for one in plan.needles if one.side is side]
    assert (path.entry[0] > 0) == (side is Side.LEFT)
    rising = {}
    for axis in range(3):
        png = draw_needle(brighter_towards(real, axis), plan, path, None).png
        pixels = matplotlib.image.imread(io.BytesIO(png))[..., :3].mean(axis=2)
        first, second = pixels[60:270, 90:400], pixels[60:-20, -255:-10]  # 4.2 pixels a mm, within the frames
        rising[axis] = [(_half(plane, 0), _half(plane, 1)) for plane in (first, second)]
    (_, _), (_, second_to_the_right) = rising[0]
    assert second_to_the_right > 0.1  # brighter to the patient's left, which is the picture's right
    (_, first_to_the_right), (second_downwards, _) = rising[1]
    assert first_to_the_right > 0.1 and second_downwards > 0.1  # brighter to the back
    (first_downwards, _), _ = rising[2]
    assert first_downwards < -0.1  # brighter to the head


def _half(plane: np.ndarray, axis: int) -> float:
    """Mean of the later half along an axis, less that of the earlier half."""
    earlier, later = np.array_split(plane, 2, axis=axis)
    return float(later.mean() - earlier.mean())


def test_the_report_holds_the_sheet_and_says_why(tmp_path: Path, real: Spine, plan: Plan) -> None:
    write_report(tmp_path / "r.html", findings=(), spine=real, plans=(plan,))
    html = (tmp_path / "r.html").read_text("utf-8")
    assert "L1: plan sheet" in html and "Not labelled, not checked:" in html
    assert 'id="source-birmingham_gauge"' in html and 'id="source-molloy2003"' in html
    assert html.count('<figure class="needle-L1-') == 2


@pytest.mark.parametrize("course", ["vertebroplasty", "kyphoplasty"])
def test_what_hangs_on_the_wall_is_one_printed_page(tmp_path: Path, real: Spine, course: Any) -> None:
    """Everything of two needles with their four planes; other ways in may follow on the next page."""
    needles = plan_augmentation(real, "L1", gauge=13, course=course)
    assert len(needles.needles) == 2
    write_report(tmp_path / "r.html", findings=(), spine=real, plans=(needles,), pdf=tmp_path / "r.pdf")
    pages = list(PdfReader(tmp_path / "r.pdf").pages)
    (wall,) = [page for page in pages if "L1: plan sheet" in page.extract_text()]
    assert "C-arm" in wall.extract_text() and "Numbers beside ticks" in wall.extract_text()
    for side in Side:  # a picture is not torn from its title
        assert f"L1 {side.value} needle, transpedicular" in wall.extract_text()


def test_without_plans_and_reasons_there_is_no_section(real: Spine) -> None:
    assert access_section((), real) is None
    assert access_section((no_treatment("L1"),), real) is None
    told = access_section((), real, ("No level was planned.",))
    assert told is not None and told.why == ("No level was planned.",) and not told.sheets


def test_a_class_is_printed_with_its_limit(plan: Plan) -> None:
    told = {c: class_words(dataclasses.replace(plan.needles[0], access_class=c)) for c in AccessClass}
    assert told == {
        AccessClass.A: "A (from 2 mm)", AccessClass.B: "B (from 1 mm)", AccessClass.C: "C (from 0 mm)",
        AccessClass.NONE: "none",
    }  # fmt: skip


def test_the_outline_of_a_balloon_is_its_length_and_width_and_ends_at_the_tip() -> None:
    """A needle straight to the front, 40 mm deep, with a balloon of 20 x 12 mm at its end."""
    angles = Angles(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    path = NeedlePath(
        Side.LEFT, Approach.TRANSPEDICULAR, 11, 3.048, np.zeros(3), np.array([0.0, -40.0, 0.0]), (), None, angles,
        None, (),
    )  # fmt: skip
    balloon = Balloon(Side.LEFT, np.array([0.0, -30.0, 0.0]), np.array([0.0, -1.0, 0.0]), 20.0, 12.0, 11.0, 13.0, "")
    depth, aside = balloon_outline(path, balloon).T
    assert (depth.min(), depth.max()) == (pytest.approx(20, abs=0.05), pytest.approx(40, abs=0.05))
    assert (aside.min(), aside.max()) == (pytest.approx(-6), pytest.approx(6))
