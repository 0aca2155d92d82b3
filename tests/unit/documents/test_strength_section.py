"""Strength in the case folder and in the report: what is told at which grade, and on which side."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from matplotlib.image import imread

from spondyl.documents.figures_strength import draw_curve, draw_pressed, region_table
from spondyl.documents.mechanics import CurvePointModel
from spondyl.documents.strength import LIMITS, LeftOutModel, LevelStrengthModel, LoadModel, StrengthDocument
from spondyl.documents.strength_files import KeptStrength, read_strength, write_strength
from spondyl.documents.strength_section import short_words, strength_section
from spondyl.evidence import source_keys
from spondyl.simulation import PressedFields
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine

EDGE = 2.0
SHAPE = (15, 20, 12)  # to the front, to the left, to the head: 30 x 40 x 24 mm


@pytest.fixture(scope="module")
def fields(spine: Spine) -> PressedFields:
    """L2 shortened by 1 %, its left 8 of 20 columns by 4 %, where the lower half of the bone gave way."""
    frame = spine["L2"].frame
    assert frame is not None
    affine = np.eye(4)
    affine[:3, :3] = frame.axes[:, (1, 2, 0)] * EDGE
    affine[:3, 3] = frame.to_patient((np.array(SHAPE)[[2, 0, 1]] - 1) * -EDGE / 2)
    geometry = Geometry(affine, SHAPE)
    least, lasting = np.full(SHAPE, -0.01), np.zeros(SHAPE)
    least[:, 12:] = -0.04
    lasting[:, 12:, :6] = 0.03
    return PressedFields(Level.L2, Volume(least, geometry, "1"), Volume(lasting, geometry, "1"))


def level(**changed: Any) -> LevelStrengthModel:
    load = LoadModel(
        activity="standing", force_n=500.0, low_n=300.0, high_n=800.0, uncompensated_n=None,
        to_strength=0.25, to_strength_low=0.1, to_strength_high=0.6, reason=None,
    )  # fmt: skip
    one = LevelStrengthModel(
        level="L2", method="load_path", failure_n=2000.0, failure_low_n=1000.0, failure_high_n=4000.0, has_peak=False,
        stiffness_n_per_mm=10000.0, linear_failure_n=2100.0, reaction_small_n=2000.0, pistoia_n=None, mapped_n=1900.0,
        failure_to_median=None, height_mm=30.0, voxels=3600, loads=(load,), notes=("a note",),
        curve=tuple(CurvePointModel(displacement_mm=-0.1 * n, reaction_n=500.0 * min(n, 4)) for n in range(1, 7)),
    )  # fmt: skip
    return one.model_copy(update=changed)


def document(*levels: LevelStrengthModel, grade: int = 2) -> StrengthDocument:
    return StrengthDocument(
        density_grade=grade, density_reason="blood was found", law="kopperdahl-power", source="kopperdahl2002",
        part="body", voxel_mm=EDGE, levels=levels, limits=LIMITS,
    )  # fmt: skip


NO_RATIO = {"to_strength": None, "to_strength_low": None, "to_strength_high": None, "reason": "grade 4"}
NO_FORCE = dict.fromkeys(
    ("failure_n", "failure_low_n", "failure_high_n", "stiffness_n_per_mm", "linear_failure_n", "reaction_small_n",
     "mapped_n", "curve")
)  # fmt: skip


def test_what_was_written_is_read_and_another_reader_finds_left(
    tmp_path: Path, fields: PressedFields, spine: Spine
) -> None:
    names = write_strength(tmp_path, document(level()), (fields,))
    assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
    kept = read_strength(tmp_path)
    assert kept.document.levels[0].failure_n == 2000.0 and kept.fields[0].level is Level.L2
    np.testing.assert_allclose(kept.fields[0].least_strain.array, fields.least_strain.array, rtol=1e-6)
    image: Any = nib.load(tmp_path / "strength_L2_strain.nii.gz")  # type: ignore[attr-defined]
    places = np.argwhere(image.get_fdata() < -0.03) @ image.affine[:3, :3].T + image.affine[:3, 3]
    frame = spine["L2"].frame
    assert frame is not None
    centre = frame.to_patient([0.0, 0.0, 12.0])  # of the 16 mm on the left, LPS; NIfTI is RAS
    np.testing.assert_allclose(places.mean(axis=0), centre * [-1, -1, 1], atol=0.01)


def test_regions_name_the_patients_left(fields: PressedFields) -> None:
    """Of 20 columns the thirds hold 7, 6 and 7: the middle one has 1 of 4 % and 5 of 1 %."""
    rows = {row[0]: row[1:] for row in region_table(fields).rows}
    assert rows["left third"] == ("4.00", "50")
    assert rows["patient's right third"] == ("1.00", "0")
    assert rows["middle third from right to left"] == ("1.50", "8")
    assert rows["lower third"] == ("2.20", "40") and rows["upper third"] == ("2.20", "0")
    assert rows["all bone"] == ("2.20", "20")


def test_the_left_part_is_brightest_on_the_right_of_the_view_from_the_front(
    spine: Spine, fields: PressedFields
) -> None:
    """Viridis ends in yellow: its pixels lie right of the middle of the second panel, and none in the first."""
    picture = draw_pressed(spine, fields)
    pixels = imread(io.BytesIO(picture.png))[: 780 // 2, :, :3]
    yellow = (pixels[..., 0] > 0.7) & (pixels[..., 1] > 0.7) & (pixels[..., 2] < 0.45)
    columns = np.flatnonzero(yellow[:, :930].sum(axis=0) > 5)
    middle = (473 + 929) / 2
    assert columns.min() > middle and columns.max() < 929
    assert "patient's right on the left side" in picture.alt and "left third is strained most" in picture.alt


def test_the_curve_says_its_numbers_and_is_left_out_without_a_force() -> None:
    picture = draw_curve(level(), "cement caps")
    assert picture is not None
    assert picture.table.rows[1] == ("0.10", "0.50") and "2.0 kN (1.0 to 4.0)" in picture.alt
    assert draw_curve(level(**NO_FORCE), "cement caps") is None


def test_shares_of_the_strength_stand_at_grades_1_and_2_alone(spine: Spine, fields: PressedFields) -> None:
    calibrated = KeptStrength(document(level(), grade=2), (fields,))
    section = strength_section(calibrated, spine)
    assert section is not None and set(section.sources) <= set(source_keys())
    assert section.sheets[0].loads.rows == (("standing", "0.5 kN (0.3 to 0.8)", "0.25 (0.10 to 0.60)"),)
    assert "standing takes 0.25 (0.10 to 0.60) of that" in short_words(calibrated)[0]
    nominal = level(loads=(level().loads[0].model_copy(update=NO_RATIO),))
    kept = KeptStrength(document(nominal, grade=4))
    section = strength_section(kept, spine)
    assert section is not None
    assert section.sheets[0].loads.head == ("Activity", "Load")
    assert section.sheets[0].loads.doubts == ("grade 4",)
    assert "no daily load is compared" in short_words(kept)[0]


def test_without_a_calibration_no_newtons_are_told(spine: Spine, fields: PressedFields) -> None:
    kept = KeptStrength(document(level(**NO_FORCE), grade=5), (fields,))
    section = strength_section(kept, spine)
    assert section is not None and short_words(kept) == ()
    assert section.sheets[0].answers.rows == (
        ("Failure load", "no newtons", "the density of this CT has no calibration (grade 5)"),
    )
    assert [picture.name for picture in section.sheets[0].pictures] == ["strength-L2"]


def test_no_class_of_strength_is_ever_named(spine: Spine, fields: PressedFields) -> None:
    section = strength_section(KeptStrength(document(level(), grade=1), (fields,)), spine)
    assert section is not None
    told = repr(replace(section, limits=(), sheets=tuple(replace(s, pictures=()) for s in section.sheets)))
    assert not any(word in told for word in ("fragile", "low strength", "osteopor", "4500", "6500"))
    assert any("Classes of strength are not shown" in limit for limit in section.limits)


def test_a_level_that_was_left_out_has_its_reason() -> None:
    nothing = document().model_copy(update={"density_grade": None, "source": None, "limits": ()})
    assert strength_section(KeptStrength(nothing), None) is None
    told = nothing.model_copy(update={"left_out": (LeftOutModel(level="L1", reason="strength needs the CT"),)})
    section = strength_section(KeptStrength(told), None)
    assert section is not None and section.left_out == ("L1 was not pressed: strength needs the CT",)


def test_damage_is_told_where_it_was_in() -> None:
    for left, stays, told in ((0.61, 0.39, True), (None, None, False)):
        one = level(stiffness_left=left, lasting_mm=stays)
        document = StrengthDocument(
            density_grade=2, density_reason="blood was found", law="kopperdahl-power", source="kopperdahl2002",
            part="body", voxel_mm=EDGE, levels=(one,), limits=LIMITS, damage=told,
        )  # fmt: skip
        section = strength_section(KeptStrength(document), None)
        assert section is not None and section.has_damage is told
        rows = {row[0]: row[1] for row in section.sheets[0].answers.rows}
        assert ("Shortening that stays when let go" in rows) is told
        if told:
            assert rows["Stiffness, let go after 2 % and pressed again"] == "0.61 of that before"
            assert rows["Shortening that stays when let go"] == "0.39 mm"
