"""`spondyl simulate`: what doing nothing, cement, and balloons with cement do to the planned levels, by models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, CaseArgument

if TYPE_CHECKING:
    from spondyl.documents.course_models import CourseModel, SimulationsDocument


def simulate(
    case: CaseArgument,
    cement: Annotated[str, typer.Option(help="Generic cement: a bracket, no brand.")] = "generic-medium",
    volume_ml: Annotated[
        float | None,
        typer.Option(help="Of cement in each level. Left out: the middle of the plan's bracket.", show_default=False),
    ] = None,
    runs: Annotated[int, typer.Option(help="Runs that leaks are counted over; 0: none.")] = 40,
    seed: Annotated[int, typer.Option(help="Of the runs and of the fans of heights.")] = 0,
    voxel_mm: Annotated[float, typer.Option(help="Edge of the voxels of the mechanics in mm.")] = 2.0,
    flow_voxel_mm: Annotated[float, typer.Option(help="Edge of the voxels of the flow in mm.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Simulate every course of the planned levels: strength, cement, leaks, neighbours, height over a year.

    Writes simulations.json, tables (CSV) and the cement of each course (NIfTI, STL, VTU) into the case, and makes the
    report again. Models, not calibrated on patients: use them to compare plans, not to decide whether one is safe.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.courses import CourseWish
    from spondyl.app.job import Job
    from spondyl.app.warm import compiled_beside
    from spondyl.documents.course_files import SIMULATIONS_FILE

    wish = CourseWish(cement, volume_ml, runs, seed, voxel_mm, flow_voxel_mm)
    with progress() as tell, compiled_beside(tell) as ready:
        job = Job(case, None, courses=wish.parameters, tell=tell, solver_ready=ready)
        job.simulate()
    document = job.simulations.document
    if as_json:
        print_document(document)
        return
    print_lines(*_lines(document), f"written to {case / SIMULATIONS_FILE}")


def _lines(document: SimulationsDocument) -> list[str]:
    lines = [f"density grade {document.density_grade}: {document.density_reason}"] if document.courses else []
    lines += [line for course in document.courses for line in _course_lines(course)]
    lines += [f"{one.what} was not simulated: {one.reason}" for one in document.left_out]
    return [*lines, f"models, {document.words}"]


def _course_lines(course: CourseModel) -> list[str]:
    state = course.broken if course.course == "untreated" else course.after
    lines = [f"{course.level} {course.course}:"]
    if state is not None:
        lines.append(
            f"  stiffness {state.stiffness_share:.2f} and strength {state.strength_share:.2f} of before the fracture"
        )
    lifted = course.balloons
    if lifted is not None:
        ratio = "not told" if lifted.retained_ratio is None else f"{lifted.retained_ratio:.2f}"
        lines.append(
            f"  balloons keep {ratio} of the height under {lifted.preload_n:.0f} N that they keep without load; front "
            f"{lifted.lift_inflated_mm[0]:.1f} mm up inflated, {lifted.regained[0].lift_mm:.1f} mm empty (hangs on the "
            "assumed fracture)"
        )
        lines += [f"  warning: {text}" for text in lifted.warnings]
    if course.cement is not None:
        leaked = sum(leak.volume_ml for leak in course.cement.leaks)
        lines.append(f"  {course.cement.injected_ml:.1f} mL in, {leaked:.2f} mL of them left the body in the shown run")
    for leak in course.leak_shares[:1]:
        more = f", and in {leak.empty_runs} more nothing went in" if leak.empty_runs else ""
        lines.append(
            f"  {leak.share.leaked} of {leak.share.runs} simulated runs leaked more than 0.1 mL by any way{more}"
        )
    for fan in course.heights:
        front = fan.front_mm
        how = ", healing" if fan.heals else ""
        lost = f"{front.middle[-1]:.1f} mm lost since the CT ({front.low[-1]:.1f} to {front.high[-1]:.1f})"
        lines.append(f"  front height after {fan.days[-1]:.0f} days{how}: {lost}")
    for effect in course.neighbours:
        lines.append(f"  {effect.level}: pressure in the disc {effect.disc_pressure:.2f} of that untreated")
    return [*lines, *(f"  {one.what} is unknown: {one.reason}" for one in course.unknown)]
