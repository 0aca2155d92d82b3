"""Simulated courses on paper: what is written is read back, and every model's words stand beside its figures."""

from __future__ import annotations

import base64
import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from spondyl.app import courses as courses_module
from spondyl.app.courses import CourseWish, SimulatedCourses, simulate_courses
from spondyl.decisions.simulated import aspects_of
from spondyl.documents.course_facts import facts_of_document
from spondyl.documents.course_files import (
    SIMULATIONS_FILE,
    KeptSimulations,
    kept_of,
    read_simulations,
    write_simulations,
)
from spondyl.documents.course_models import CourseModel, LeftOutModel, SimulationsDocument
from spondyl.documents.course_section import CourseSection, _of_heat, course_section
from spondyl.documents.figures_course import draw_states
from spondyl.documents.report import write_report
from spondyl.documents.schema_files import shipped_schema
from spondyl.errors import InputError
from spondyl.outcomes import course_facts
from spondyl.planning import balloon_notes, no_treatment
from spondyl.simulation import Activity, SpineLoad, estimate_loads
from spondyl.simulation.curing_heat import FAR_CANAL
from spondyl.spine import Level, Side, Spine
from spondyl.studies import Patient
from tests.unit.simulation.round_bodies import plan, stacked_spine

TIPS = ((Side.LEFT, (0.0, 3.0, 6.0)), (Side.RIGHT, (0.0, 3.0, -6.0)))
WISH = CourseWish(runs=6, voxel_mm=4.0, flow_voxel_mm=3.0)


@pytest.fixture(scope="module")
def spine() -> Spine:
    return stacked_spine(patient=Patient(weight_kg=60.0, height_cm=160.0))


@pytest.fixture(scope="module")
def courses(spine: Spine) -> SimulatedCourses:
    return simulate_courses(spine, [plan(spine, TIPS)], WISH, lambda stage, status: None)


@pytest.fixture(scope="module")
def section(courses: SimulatedCourses, spine: Spine, tmp_path_factory: pytest.TempPathFactory) -> CourseSection:
    folder = tmp_path_factory.mktemp("case")
    write_simulations(folder, courses.document(), courses.simulations())
    found = course_section(read_simulations(folder), spine)
    assert found is not None
    return found


def test_the_curves_say_what_a_gain_in_strength_rests_on(courses: SimulatedCourses) -> None:
    """The same sentence in the picture's words, in its table, and in the result."""
    document = courses.document()
    picture = draw_states(document.courses)
    assert picture is not None
    treated = next(course for course in document.courses if course.after is not None)
    (note,) = (text for text in treated.notes if "an upper bound" in text)
    assert note in picture.alt
    assert any(note in doubt for doubt in picture.table.doubts)


def test_what_is_written_is_read_back(courses: SimulatedCourses, tmp_path: Path) -> None:
    names = write_simulations(tmp_path, courses.document(), courses.simulations())
    stem = "simulation_L1_vertebroplasty_cement"
    files = {f"{stem}{end}" for end in (".nii.gz", "_minutes.nii.gz", ".stl", ".vtu")}
    tables = {f"simulations_{what}.csv" for what in ("heights", "pressures", "leaks")}
    assert set(names) == {SIMULATIONS_FILE, *files, *tables} == {path.name for path in tmp_path.iterdir()}
    jsonschema.validate(json.loads((tmp_path / SIMULATIONS_FILE).read_text()), shipped_schema("spondyl.simulations/1"))
    kept = read_simulations(tmp_path)
    assert [course.course for course in kept.document.courses] == ["untreated", "vertebroplasty"]
    cement, made = kept.cements[1], courses.simulations()[1].injection
    assert kept.cements[0] is None
    assert cement is not None and made is not None
    assert np.allclose(cement.share.array, made.cement_share.array, atol=1e-6)  # single precision on disk
    assert cement.share.geometry.is_same_grid(made.cement_share.geometry)
    assert np.array_equal(cement.minutes.array < 0, np.isnan(made.result.reached_min))


def test_shares_are_told_with_their_words_and_never_as_chances(section: CourseSection) -> None:
    words = " ".join(
        [section.words, *(" ".join((table.caption, *table.head, *sum(table.rows, ()))) for table in tables(section))]
    )
    assert "not calibrated on patients" in section.words
    assert "Share of simulated runs that leaked" in words
    assert not re.search(r"\b(chance|risk|probab)", words, re.IGNORECASE)
    leaks = next(table for table in tables(section) if "leaks" in table.caption)
    assert leaks.rows[0][0] == "any way out" and " of 6 (" in leaks.rows[0][1]
    assert "33 %" in leaks.rows[0][4]  # the published rate, verified, beside it


def test_states_and_heights_stand_side_by_side(section: CourseSection) -> None:
    states = tables(section)[0]
    assert [row[0] for row in states.rows] == [
        "before the fracture (estimated)",
        "fractured, untreated (loss of stiffness assumed)",
        "after vertebroplasty",
    ]
    assert states.rows[0][1:3] == ("1.00", "1.00")
    heights = next(table for table in tables(section) if "Height" in table.caption)
    assert {row[0] for row in heights.rows} == {"untreated, not healing", "untreated, healing", "vertebroplasty"}
    assert not any("-0.0" in cell for row in heights.rows for cell in row)


def test_pictures_tell_in_words_what_they_show(section: CourseSection) -> None:
    pictures = section.sheets[0].pictures
    shown = ("states", "cement", "growing", "pressures", "leaks", "neighbours", "heights")
    of_all = "states", "heights"
    names = [f"course-{what}-L1" + ("" if what in of_all else "-vertebroplasty") for what in shown]
    assert [picture.name for picture in pictures] == names
    assert all(len(picture.alt) > 80 for picture in pictures)
    assert [film.name for film in section.sheets[0].films] == ["course-film-L1-vertebroplasty"]


def test_tables_hold_what_the_document_does(courses: SimulatedCourses, tmp_path: Path) -> None:
    write_simulations(tmp_path, courses.document(), courses.simulations())
    heights, pressures, leaks = (
        list(csv.DictReader((tmp_path / f"simulations_{what}.csv").read_text().splitlines()))
        for what in ("heights", "pressures", "leaks")
    )
    untreated, treated = courses.document().courses
    assert {row["course"] for row in heights} == {"untreated", "vertebroplasty"}
    assert len(heights) == sum(len(fan.days) for course in (untreated, treated) for fan in course.heights)
    assert float(heights[-1]["front_mm_middle"]) == pytest.approx(treated.heights[-1].front_mm.middle[-1], rel=1e-5)
    assert treated.cement is not None
    assert [float(row["syringe_mpa"]) for row in pressures] == pytest.approx(treated.cement.pressures.syringe_mpa, 1e-5)
    every = [row for row in leaks if row["permeability"] == "all"]
    assert [(row["path"], int(row["leaked"])) for row in every] == [
        (one.path, one.share.leaked) for one in treated.leak_shares
    ]
    assert "share_of_simulated_runs" in leaks[0]


def test_the_report_takes_simulations_as_they_come(courses: SimulatedCourses, spine: Spine, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", findings=(), spine=spine, simulations=courses.simulations())
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Doing nothing, cement, and cement after balloons, as modelled" in page
    still = re.search(
        r'<source media="\(prefers-reduced-motion: reduce\)" srcset="data:image/png;base64,([^"]+)">', page
    )
    film = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="The cement of the picture above as it grows', page)
    assert still is not None and film is not None
    moves = [b"acTL" in base64.b64decode(found[1]) for found in (still, film)]  # the chunk that makes a PNG move
    assert moves == [False, True]
    assert len(kept_of(courses.simulations()).cements) == 2


def test_a_level_that_cannot_be_simulated_is_named_and_others_go_on(spine: Spine) -> None:
    cut = replace(spine, vertebrae=tuple(replace(v, cut=("head",)) if v.level.name == "T12" else v for v in spine))
    found = simulate_courses(cut, [no_treatment("T12"), no_treatment("L1")], WISH, lambda stage, status: None)
    assert [simulation.level.name for simulation in found.simulations()] == ["L1"]
    assert found.left_out[0].what == "T12" and "cut" in found.left_out[0].reason


def test_balloons_that_cannot_be_planned_are_told(courses: SimulatedCourses) -> None:
    """Bodies without arches have no way for a needle: the third course is missing with its reason, not silently."""
    told = courses.document().left_out
    assert [(one.level, one.course, one.what) for one in told] == [("L1", "kyphoplasty", "L1, kyphoplasty")]


@pytest.mark.parametrize(
    ("bad", "words"), [({"runs": -1}, "-1 runs"), ({"volume_ml": 25.0}, "25 mL"), ({"cement": "honey"}, "honey")]
)
def test_wishes_that_make_no_sense(bad: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        CourseWish(**bad)  # type: ignore[arg-type]


def tables(section: CourseSection) -> tuple:  # type: ignore[type-arg]
    return section.sheets[0].tables


def test_facts_of_the_document_are_those_of_the_simulations_with_the_counted_runs(courses: SimulatedCourses) -> None:
    told, made = facts_of_document(courses.document()), course_facts(courses.simulations())
    alike = [replace(one, counted=None, ways=()) for one in told], [replace(one, ways=()) for one in made]
    assert alike[0] == alike[1]
    assert told[0].counted is None and told[1].counted is not None and told[1].counted.runs == 6
    assert [way.path for way in told[1].ways] == [way.path for way in made[1].ways]
    assert all(way.counted is not None and way.counted.runs == 6 for way in told[1].ways) and all(
        way.openings for way in told[1].ways
    )


def test_where_cement_went_in_in_no_run_the_facts_say_so_of_each_way(courses: SimulatedCourses) -> None:
    """Symptom: the sheet said that runs were not counted, and the decisions nothing."""
    found, leaks = courses.courses[1]
    assert leaks is not None
    course = CourseModel.of(found, replace(leaks, paths=(), empty=6))
    assert course.leak_shares == () and course.empty_runs == 6
    document = courses.document().model_copy(update={"courses": (course,)})
    document = type(document).model_validate_json(document.model_dump_json(by_alias=True))
    (facts,) = facts_of_document(document)
    assert facts.counted is not None and facts.counted.none_entered and facts.counted.empty == 6
    assert "in none of 6 simulated runs did cement go in" in facts.counted.words
    assert "33 % any, of vertebroplasty levels" in facts.counted.words
    assert facts.ways and all(way.counted is not None and way.counted.none_entered for way in facts.ways)
    (said,) = (one.words for one in aspects_of([facts], ()) if "simulated runs" in one.words)
    assert said.startswith("L1, vertebroplasty: in none of 6 simulated runs did cement go in: ")
    shut = course.model_copy(update={"cement": None})  # no way out is known of this one
    (facts,) = facts_of_document(document.model_copy(update={"courses": (shut,)}))
    assert [(way.path, way.counted) for way in facts.ways] == [("any", facts.counted)]
    uncounted = course.model_copy(update={"empty_runs": 0})
    (facts,) = facts_of_document(document.model_copy(update={"courses": (uncounted,)}))
    assert facts.counted is None and all(way.counted is None for way in facts.ways)


def test_loads_stand_over_the_strength_that_each_course_leaves_where_the_grade_allows(
    spine: Spine, courses: SimulatedCourses
) -> None:
    """Of the two courses the same load; its share falls as the strength grows, and grade 4 shows none."""
    level = Level.L1
    loads = (
        SpineLoad(Activity.STANDING, 500.0, 300.0, 800.0, None, None),
        SpineLoad(Activity.COUGHING, *[None] * 4, "no"),
    )
    fine = [replace(one, calibration=replace(one.calibration, grade=2)) for one, _ in courses.courses]
    shown = [CourseModel.of(one, None, loads).loads for one in fine]
    for one, told in zip(fine, shown, strict=True):
        assert one.present is not None and told[0].to_strength is not None
        assert told[0].to_strength == pytest.approx(500.0 / one.present.strength.failure_n)
        assert (told[1].to_strength, told[1].reason) == (None, "no")
    document = SimulationsDocument.of([(one, None) for one in fine], voxel_mm=4.0, loads={level.name: loads})
    section = course_section(KeptSimulations(document, (None, None)), None)
    assert section is not None
    table = next(one for one in section.sheets[0].tables if "has to bear" in one.caption)
    assert table.head[2:] == ("Over the strength, untreated", "Over the strength, vertebroplasty")
    assert table.rows[0][:2] == ("standing", "0.5 kN (0.3 to 0.8)") and table.doubts == ("no",)
    lacking = document.model_copy(
        update={"courses": (document.courses[0], document.courses[1].model_copy(update={"loads": ()}))}
    )
    section = course_section(KeptSimulations(lacking, (None, None)), None)  # a treated body that was not simulated
    assert section is not None
    assert next(one for one in section.sheets[0].tables if "has to bear" in one.caption).head[2:] == table.head[2:3]
    coarse = CourseModel.of(courses.courses[1][0], None, loads).loads[0]
    assert coarse.to_strength is None and "grade 1 or 2" in str(coarse.reason)


def test_loads_that_are_not_known_are_said_with_their_reason(
    tmp_path: Path, spine: Spine, courses: SimulatedCourses
) -> None:
    """A table without a row once stood there, and not a word of the weight that was missing."""
    unweighed = {"L1": estimate_loads("L1", weight_kg=None)}
    document = SimulationsDocument.of([(one, None) for one, _ in courses.courses], voxel_mm=4.0, loads=unweighed)
    simulations = KeptSimulations(document, (None,) * len(document.courses))
    write_report(tmp_path / "report.html", findings=(), spine=spine, simulations=simulations)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "What L1 has to bear over what it bears: not known." in page
    assert "<li>the weight is not in the record</li>" in page


def test_warmth_is_told_with_what_it_lacks(courses: SimulatedCourses, section: CourseSection) -> None:
    heat = courses.courses[1][0].heat
    assert heat is not None and courses.courses[0][0].heat is None
    table = next(one for one in tables(section) if "highest temperature" in one.caption)
    told = dict(table.rows)
    assert "no blood carries heat away" in table.caption and "left the body is not in it" in table.caption
    assert told["Canal"] == "no canal in the labels"  # bodies without arches
    written = CourseModel.of(*courses.courses[1])
    assert written.heat is not None
    for reason in (FAR_CANAL, None):  # None: a case written before reasons were
        warmth = written.heat.model_copy(update={"canal_reason": reason})
        (row, *_) = _of_heat(written.model_copy(update={"heat": warmth})).rows
        assert row == ("Canal", reason or "no canal in the labels, or none near the body")
    assert told["Back wall of the body"] == f"{heat.posterior_wall_c:.0f} °C"
    assert told["Hottest place"] == f"{heat.peak.array.max():.0f} °C"
    assert 37 <= heat.posterior_wall_c < heat.peak.array.max()
    assert any("choices without a source" in text for text in section.assumptions)


def test_why_there_is_no_balloon_is_told_alone(spine: Spine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Symptom: all notes of the plan that had no balloon stood there as the reason."""
    treated = plan(spine, TIPS)
    why = "the size of a balloon is not given: its needle cannot be judged on this CT"
    without = replace(treated, balloons=(), notes=(*treated.notes, *balloon_notes(), why))
    monkeypatch.setattr(courses_module, "plan_augmentation", lambda *_, **__: without)
    found = simulate_courses(spine, [treated], replace(WISH, runs=0), lambda stage, status: None)
    assert [one.reason for one in found.left_out] == [why]


def test_where_no_run_took_cement_the_share_is_unknown(courses: SimulatedCourses) -> None:
    found, leaks = courses.courses[1]
    assert leaks is not None
    told = CourseModel.of(found, replace(leaks, paths=(), empty=len(leaks.draws)))
    assert told.leak_shares == () and told.unknown[-1].what == "share of simulated runs that leaked"
    assert told.unknown[-1].reason == "no cement went in in any of 6 simulated runs"


def test_balloons_planned_beside_a_plan_keep_to_the_lowest_class_that_is_set(
    spine: Spine, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []

    def plan_nothing(spine: Spine, level: Level, **options: object) -> None:
        asked.append(options)
        raise InputError("no path of this class")

    monkeypatch.setattr(courses_module, "plan_augmentation", plan_nothing)
    lowest = {"lowest_class": "A", "lowest_class_source": "spine board 2026"}
    wish = replace(WISH, runs=0)
    found = simulate_courses(spine, [plan(spine, TIPS)], wish, lambda stage, status: None, needle=lowest)
    assert lowest.items() <= asked[0].items()
    assert found.left_out == (LeftOutModel(level="L1", course="kyphoplasty", reason="no path of this class"),)
