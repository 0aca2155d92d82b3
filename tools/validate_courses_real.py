"""Three courses on real CTs with virtual deformities: rows of docs/validation/courses-real.md.

`python -m tools.validate_courses_real --work DIR` makes each deformed CT, runs the main job on it and keeps a row in
DIR/rows.jsonl; what is kept there is not run again. Reports with their pictures stay in DIR: look at them, and keep
pictures of real CTs out of the repository. `--page` writes the page from the rows; rows that DIR lacks stay as they
stand there.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

from spondyl.app.inputs import Inputs
from spondyl.app.job import Job
from spondyl.app.virtual_files import Source, write_deformed
from spondyl.documents.course_models import CourseModel
from spondyl.documents.leak_models import PATHS
from spondyl.errors import NotConverged
from spondyl.planning import Plan
from spondyl.simulation import build_flow_model, find_cement
from spondyl.spine import Level, Spine
from spondyl.spine.segmenters import segment_spine
from spondyl.studies import read_study, write_label_nifti
from tools import leak_paths
from tools.segmentation_runs import named

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "courses-real.md"
DATA = Path(os.environ.get("SPONDYL_DATA", "../shared/data"))
SHAPES = ("wedge", "biconcave", "crush")
LEFT = 0.65  # of the most affected height
RUNS = 20
SEEN = (
    "The front of the rider T9 biconcave body rose by 21 mm: it was hardly pressed, no intact height was known, and",
    "inflation went on to the rated pressure. Since then it ends with a back below 0.85 of the front: an old row.",
    "",
    "Looked at: maps of cement, cuts through the cavity and pressures of the T9 crush, wedge and biconcave body and",
    "of the rider T9 wedge, all made anew. Cement lies within the outline and meets the walls; what leaves does so at",
    "a vein that is marked there; sides are right, and words and pictures agree. After balloons cement stands up to 2",
    "mm above the outline, which is that of the CT before the lift. One balloon of two takes most of the pressure",
    "(wedge: the right one hardly fills, 0.5 mL and the left 0.9; rider: left at 0.4 MPa, right at 2.0); why was not",
    "looked for. The T9 biconcave body has one needle, so nine tenths of its cement without balloons are on one side;",
    "its front was hardly pressed, so that its balloon ends at 0.4 mm of lift: the height to restore is that of the",
    "front, where this shape lacks height in the middle. With cement in one opened fracture from side to side the",
    "rider wedge is as strong as before (0.9) and the T9 crush and wedge 1.6 and 1.7 times. With the made defect 59",
    "to 82 % go up, and up to 2.8 of 4 mL leave by it: a gap of 2 mm is wide beside a tip 7 mm away.",
    "",
    "What is missing, and why. Without a usable density (grade 5: ts-lumbar by its blur, tptbox by its sharpening)",
    "neither flow nor newtons are told. On slices of 2.5 and 3 mm no needle is judged and so no balloon is given. A",
    "crush whose neighbours are too few has no intact height: its balloons go on to their volume, their rated",
    "pressure or a wall. Strength of 2 to 6 times that before is an upper bound: cement from end to end carries all",
    "of the load. CPU seconds are of all processes on a busy machine (load 8 to 12 on two cores); the goal is 90 s on",
    "the clock of two free cores. Rows made anew are with processes of the job ([decision",
    "0040](../decisions/0040-processes-of-the-job.md)), own segmentation and the making of the CT not counted. The",
    "job on the T9 crush alone, warm, at a load of 3 to 4 on two cores: 115 s by the clock, 83 CPU s of which 44 in",
    "the first process; before, at a load of 5 to 8 and under a sampling profiler, 103 CPU s of which 87 in the",
    "first.",
)
EARLIER = (  # of the rows that stand on the page and are not made anew
    "Other rows of lidc, tptbox and ts-lumbar made 2026-11-27 on top of e89796c, before the hinge in mm ([decision",
    "0034](../decisions/0034-a-hinge-and-damage-in-mm.md)). Rider rows were of T10 before, whose arch the image cuts:",
    "pressing such a level is refused by now.",
)
ANEW_ON = "3d288e0"  # the commit whose models the kept rows ran with; a page is made later
Row = dict[str, Any]


@dataclass(frozen=True)
class Real:
    """A CT with labels, or none that are any good: the own segmenter's then; and the level that is deformed in it."""

    folder: str
    ct: str
    labels: str | None  # None: own masks, whose lowest whole vertebra is `lowest`
    level: Level
    contrast: bool  # as its README says or its aorta shows
    subregions: str | None = None
    kvp: float | None = None  # where the file does not know it
    lowest: Level | None = None


CASES = (
    Real("lidc-0001-thoracic", "ct", "vertebrae_auto", Level.T11, contrast=True),
    Real(
        "tptbox-l3-ct-mr",
        "l3_ct",
        "l3_ct_vertebra_label",
        Level.L3,
        contrast=False,
        subregions="l3_ct_subregions",
        kvp=120.0,
    ),
    Real("ts-lumbar-3mm", "ct", "vertebrae_auto", Level.L2, contrast=False),
    Real("rider-pilot-0117-thoracic", "ct", None, Level.T9, contrast=True, kvp=120.0, lowest=Level.T10),
    Real("ts-thoracic-endplate", "ct", None, Level.T9, contrast=True, kvp=120.0, lowest=Level.T12),
)


def run_case(case: Real, shape: str, work: Path) -> Row:
    """The main job on one deformed CT, and what came of it."""
    name = f"{case.folder}-{case.level.name}-{shape}"
    made, folder = work / f"{name}-ct", work / f"{name}-case"
    if not made.is_dir():
        files = _files(case, work)
        write_deformed(made, files, {case.level: (shape, LEFT)}, file_format="nifti" if case.kvp is None else "dicom")
        for path in () if case.kvp is None else (made / "ct").iterdir():
            slice_of = pydicom.dcmread(path)
            slice_of.KVP = f"{case.kvp:g}"
            slice_of.save_as(path)
    patient = made / "patient.toml"
    contrast = "true" if case.contrast else "false"
    patient.write_text(f"contrast_given = {contrast}\nweight_kg = 62.0\nheight_cm = 162.0\nage_years = 74\n")
    shown = made / "subregions.nii.gz"
    inputs = Inputs(
        made / ("ct.nii.gz" if case.kvp is None else "ct"),
        made / "labels.nii.gz",
        "verse",
        subregions=shown if shown.is_file() else None,
        patient=patient,
    )
    begun = _cpu_seconds()
    job = Job(folder, inputs, levels=(case.level.name,), courses={"runs": RUNS}, tell=_tell)
    job.run()
    row: Row = {"case": case.folder, "level": case.level.name, "shape": shape, "cpu_s": _cpu_seconds() - begun}
    row["grade"] = job.simulations.document.density_grade
    row["courses"] = [_course_row(course) for course in job.simulations.document.courses]
    row["left_out"] = [f"{one.what}: {one.reason}" for one in job.simulations.document.left_out]
    if row["grade"] is not None and row["grade"] < 5 and job.plans and job.plans[0].needles:
        row["attraction"] = attraction(job.spine, job.plans[0])
    return row


def _files(case: Real, work: Path) -> Source:
    """The CT with its labels, or with own masks, which are written first."""
    source = DATA / case.folder
    ct = source / f"{case.ct}.nii.gz"
    if case.labels is not None:
        parts = None if case.subregions is None else source / f"{case.subregions}.nii.gz"
        return Source(ct, source / f"{case.labels}.nii.gz", "verse", parts)
    assert case.lowest is not None
    files = work / f"{case.folder}-labels.nii.gz", work / f"{case.folder}-parts.nii.gz"
    if all(path.is_file() for path in files):  # of another shape of the same CT
        return Source(ct, files[0], "verse", files[1])
    seg = segment_spine(read_study(ct).ct)
    whole = [number for number, cut in enumerate(seg.cut, 1) if not cut]
    names = {int(case.lowest) - (len(whole) - 1 - at): number for at, number in enumerate(whole)}
    labels, own = named(seg, names)
    for image, path in zip((labels, own), files, strict=True):
        write_label_nifti(image.labels, path)
    return Source(ct, files[0], "verse", files[1])


def _course_row(course: CourseModel) -> Row:
    row: Row = {"course": course.course}
    state = course.broken if course.course == "untreated" else course.after
    if state is not None:
        row |= {"strength": state.strength_share, "failure_n": state.failure_n}
    row["unknown"] = [one.what for one in course.unknown]
    if course.cement is not None:
        cement = course.cement
        row |= {"in": cement.injected_ml, "in_bone": cement.in_bone_ml, "stop": cement.stop_reason}
        row["leaked"] = {PATHS[leak.path]: leak.volume_ml for leak in cement.leaks if leak.volume_ml > 0}
        row["syringe_mpa"] = max(cement.pressures.syringe_mpa)
    if course.leak_shares:
        told = course.leak_shares[0]
        row["share"] = [told.share.leaked, told.share.runs, told.empty_runs]
    if course.balloons is not None:
        lift = course.balloons
        row |= {"lift_free": lift.lift_without_load_mm, "lift_loaded": lift.regained[0].lift_mm}
        row |= {"inflated": lift.lift_inflated_mm[0], "stopped_by": lift.stopped_by, "preload_n": lift.preload_n}
    return row


def attraction(spine: Spine, plan: Plan) -> list[Row]:
    """The same injection without and with a made defect above the left tip: does the way out draw cement?"""
    case = leak_paths.make_case(build_flow_model(spine, plan.level), plan)
    rows = []
    for gap in (None, 2.0):
        found = leak_paths.fill(case, find_cement("generic-medium"), gap_mm=gap)
        rows.append({"gap": gap, "upwards": leak_paths.upwards(case, found), "leak": leak_paths.leaked(found)})
    return rows


def _tell(stage: str, status: str) -> None:
    if status == "made":
        print(f"  {stage}", flush=True)


def _cpu_seconds() -> float:
    """Of this process and of those it started."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def make_page(rows: list[Row], before: str) -> str:
    """The page of these rows, and of those of the page before it that are not among them."""
    told, checks, anew = [], [], []
    for case, shape in ((case, shape) for case in CASES for shape in SHAPES):
        row = next((row for row in rows if (row["case"], row["shape"]) == (case.folder, shape)), None)
        stood = [line for line in before.splitlines() if line.startswith(_first(case.folder, case.level.name, shape))]
        told += stood[:-1] if row is None else list(_lines(row))
        checks += stood[-1:] if row is None else [_sense(row)]
        anew += [] if row is None else [f"{case.folder.split('-')[0]} {case.level.name} {shape}"]
    return "\n".join(
        [
            "# Three courses on real CTs with virtual deformities",
            "",
            "Question: does the main job run on real grey values, and do its three courses make sense there? Levels",
            f"of five public CTs are pressed by a map to {100 * LEFT:.0f} % of the most affected height:",
            "fractures are virtual, grey values real. No patient with such a fracture is shown.",
            "Nothing is compared with an outcome. Where the file does not know the tube voltage, 120 kV",
            "is assumed for three of them (not lidc, ts-lumbar); rider and ts-thoracic have the own segmenter's masks.",
            f"{RUNS} leak draws, generic cement of medium viscosity, the plan's own needles and volumes;",
            "mechanics at 2 mm, flow at 1 mm.",
            "",
            "| CT, level | shape | course | CPU s, all | in, mL | in bone, mL | left the body, mL | runs that leaked | "
            "front kept without load, under load, mm | strength of that before |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *told,
            "",
            "Front kept: the lift that stays once the balloons are empty; what stays under load is not told by this",
            "model ([balloons](balloon.md)). Strength hangs on whether cement lies under both ends.",
            "",
            "## Checks of sense",
            "",
            "| CT, level | shape | cement neither in bone nor out by an opening, mL | kept lift is more with less load "
            "| upwards without a defect | with one of 8 mm | leak there, mL |",
            "|---|---|---|---|---|---|---|",
            *checks,
            "",
            *SEEN,
            "",
            "Upwards: share of the cement that went to the side of a defect made 7 mm above the left tip, gap 2 mm, as",
            "on the [page of leaks](leaks.md).",
            "",
            *EARLIER,
            f"{len(anew)} rows ({', '.join(anew)}) anew {datetime.now(tz=UTC):%Y-%m-%d}, on top of {ANEW_ON}.",
            "",
            "All by `python -m tools.validate_courses_real --work DIR`.",
            "",
        ]
    )


def _first(case: str, level: str, shape: str) -> str:
    """How every line of a row begins."""
    return f"| {case}, {level} | {shape} |"


def _lines(row: Row) -> Iterator[str]:
    first = _first(row["case"], row["level"], row["shape"])
    if "failed" in row:
        yield f"{first} {row['failed']} | | | | | | | |"
        return
    for course in row["courses"]:
        share = course.get("share")
        told = "-" if share is None else f"{share[0]} of {share[1]}" + (f", {share[2]} empty" if share[2] else "")
        leaked = ", ".join(
            f"{name} {volume:.2f}" for name, volume in course.get("leaked", {}).items() if volume > 0.005
        )
        lift = f"{course['lift_free']:.1f}, {course['lift_loaded']:.1f}" if "lift_free" in course else "-"
        volume = (f"{course['in']:.1f}", f"{course['in_bone']:.2f}", leaked or "none") if "in" in course else ("-",) * 3
        force = "" if course.get("failure_n") is None else f", {course['failure_n'] / 1000:.1f} kN"
        strength = f"{course['strength']:.2f}{force}" if "strength" in course else "unknown"
        cells = course["course"], f"{row['cpu_s']:.0f}", *volume, told, lift, strength
        yield f"{first} {' | '.join(cells)} |"
    for why in row["left_out"]:
        yield f"{first} left out: {why} | | | | | | | |"


def _sense(row: Row) -> str:
    courses = row.get("courses", [])
    lost = max((c["in"] - c["in_bone"] - sum(c["leaked"].values()) for c in courses if "in" in c), default=np.nan)
    lifted = [c["lift_free"] >= c["lift_loaded"] for c in courses if "lift_free" in c]
    more = "-" if not lifted else "yes" if all(lifted) else "no"
    drawn = row.get("attraction")
    told = (
        "- | - | -"
        if drawn is None
        else " | ".join(
            (f"{100 * drawn[0]['upwards']:.0f} %", f"{100 * drawn[1]['upwards']:.0f} %", f"{drawn[1]['leak']:.2f}")
        )
    )
    balance = "-" if np.isnan(lost) else f"{lost:.0e}"
    return f"{_first(row['case'], row['level'], row['shape'])} {balance} | {more} | {told} |"


def main() -> None:
    """Run what is not kept yet, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder outside the repository")
    parser.add_argument("--only", default="", help="part of a CT's folder and a shape, such as lidc:wedge")
    parser.add_argument("--page", action="store_true", help="write the page from what is kept")
    given = parser.parse_args()
    kept = given.work / "rows.jsonl"
    rows = [json.loads(line) for line in kept.read_text().splitlines()] if kept.is_file() else []
    if given.page:
        PAGE.write_text(make_page(rows, PAGE.read_text()))
        return
    wanted, _, shape_wanted = given.only.partition(":")
    for case in CASES:
        for shape in SHAPES:
            known = any((row["case"], row["shape"]) == (case.folder, shape) for row in rows)
            if known or wanted not in case.folder or shape_wanted not in shape:
                continue
            print(case.folder, shape, flush=True)
            given.work.mkdir(parents=True, exist_ok=True)
            try:
                row = run_case(case, shape, given.work)
            except NotConverged as error:
                row = {"case": case.folder, "level": case.level.name, "shape": shape, "failed": str(error)}
            with kept.open("a") as stream:
                stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
