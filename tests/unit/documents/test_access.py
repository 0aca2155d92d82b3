"""Plans in the report: a sheet a level, two pictures a needle, right and left told apart, doubts said."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from spondyl.documents.access import access_section, class_words
from spondyl.documents.figures_access import direction_letters, draw_needle
from spondyl.documents.report import write_report
from spondyl.planning import AccessClass, NeedlePath, Plan, clearance_profiles, no_treatment, plan_augmentation
from spondyl.spine import Level, Side, Spine, build_spine
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


def test_the_second_picture_shows_the_left_needle_right_of_the_canal(real: Spine, plan: Plan) -> None:
    """Seen from below, the patient's right is on the left: the dark canal lies on that side of a left needle."""
    dark = {}
    for path, profile in zip(plan.needles, clearance_profiles(real, plan), strict=True):
        assert (path.entry[0] > 0) == (path.side is Side.LEFT)
        pixels = matplotlib.image.imread(io.BytesIO(draw_needle(real, plan, path, profile).png))[..., :3].mean(axis=2)
        level = pixels[60:-20, -255:-10]  # the level plane: 60 mm wide, 4.2 pixels a mm
        middle = level.shape[1] // 2
        height = round((20.0 + path.bone_depth_mm * 0.55) * 4.2)  # beside the pedicle
        row = level[height - 4 : height + 5]
        dark[path.side] = row[:, middle - 50 : middle - 20].mean() - row[:, middle + 20 : middle + 50].mean()
    assert dark[Side.LEFT] * dark[Side.RIGHT] < 0


def test_the_report_holds_the_sheet_and_says_why(tmp_path: Path, real: Spine, plan: Plan) -> None:
    write_report(tmp_path / "r.html", findings=(), spine=real, plans=(plan,))
    html = (tmp_path / "r.html").read_text("utf-8")
    assert "L1: plan sheet" in html and "Not checked:" in html
    assert 'id="source-birmingham_gauge"' in html and 'id="source-molloy2003"' in html
    assert html.count('<figure class="needle-L1-') == 2


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
