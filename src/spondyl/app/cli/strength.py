"""`spondyl strength`: how much force vertebrae bear between cement caps or discs, as modelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, CaseArgument

if TYPE_CHECKING:
    from spondyl.documents.strength import LevelStrengthModel, LoadModel, StrengthDocument


def strength(
    case: CaseArgument,
    level: Annotated[
        list[str] | None,
        typer.Option("--level", help="Vertebra; may be repeated. Left out: all whole ones of T5 to L5."),
    ] = None,
    voxel_mm: Annotated[float, typer.Option(help="Edge of the voxels in mm.")] = 2.0,
    part: Annotated[str, typer.Option(help="body, or whole: with the arch.")] = "body",
    law: Annotated[str, typer.Option(help="From density to modulus: kopperdahl-power or kopperdahl-linear.")] = (
        "kopperdahl-power"
    ),
    linear: Annotated[
        bool, typer.Option("--linear", help="By the linear estimate and its map alone: a tenth of the time.")
    ] = False,
    kyphosis_deg: Annotated[
        float | None,
        typer.Option(help="For the loads: by which a deformity bends the trunk forward.", show_default=False),
    ] = None,
    load_case: Annotated[
        str, typer.Option(help="axial; or the line of force moved: flexion, extension, left or right of the patient.")
    ] = "axial",
    eccentricity_mm: Annotated[float, typer.Option(help="How far it is moved, before anything yields.")] = 5.0,
    ends: Annotated[
        str, typer.Option(help="What embeds the endplates: cement, as in laboratories, or disc: half of one each.")
    ] = "cement",
    damage: Annotated[
        bool,
        typer.Option(
            "--damage",
            help="Bone that flows loses stiffness; let go and pressed again: what is left of it, and what stays.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give stiffness and failure load of vertebrae by a voxel model from the CT, with the interval and the grade.

    Each is pressed along its own axis between cement caps, or discs, to 2 % of its height. Without a calibration of
    the density (grade 5) no newtons are told, only ratios between levels. Beside it stand the linear estimates, and
    what a person of this weight and height bears in daily life; its share of the strength needs a density of grade 1
    or 2.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.warm import FIRST, LINEAR, compiled_beside

    # before the rest is loaded, which takes its time too
    with progress() as tell, compiled_beside(tell, LINEAR if linear else FIRST) as ready:
        from spondyl.app.case_records import CaseRecords
        from spondyl.app.strength import PressedLevels, StrengthWish, press_level

        wish = StrengthWish(voxel_mm, part, law, linear, kyphosis_deg, load_case, eccentricity_mm, ends, damage)
        records, pressed = CaseRecords(case, None), []
        spine, patient = records.spine, records.patient
        names = level or [v.level.name for v in spine if v.level.is_intended and not v.is_cut and v.body is not None]
        for name in names:
            tell(name, "begins")
            pressed.append(press_level(spine, patient, name, wish, ready))
            tell(name, "made")
    document = PressedLevels(wish, tuple(pressed)).document()
    if as_json:
        print_document(document)
    else:
        print_lines(*_lines(document))


def _lines(document: StrengthDocument) -> list[str]:
    graded = document.density_grade is not None
    lines = [f"density grade {document.density_grade}: {document.density_reason}"] if graded else ["no whole level"]
    lines += [line for one in document.levels for line in (_line(one), *map(_load_line, one.loads))]
    notes = dict.fromkeys(note for one in document.levels for note in one.notes)
    return [*lines, *notes, *document.limits]


def _line(one: LevelStrengthModel) -> str:
    ratio = "" if one.failure_to_median is None else f"  {one.failure_to_median:.2f} of the median of these levels"
    if one.failure_n is None or one.failure_low_n is None or one.failure_high_n is None:
        return f"{one.level:<5}{ratio or ' no newtons: give more levels for ratios'}"
    interval = f"{one.failure_low_n / 1000:.1f} to {one.failure_high_n / 1000:.1f}"
    how = "" if one.method == "load_path" else ", by the linear estimate"
    if one.stiffness_left is not None and one.lasting_mm is not None:
        ratio += f"  let go at 2 %: {one.stiffness_left:.2f} of the stiffness left, {one.lasting_mm:.2f} mm stay"
    return f"{one.level:<5} {one.failure_n / 1000:.1f} kN ({interval}){how}, {one.stiffness_n_per_mm:.0f} N/mm{ratio}"


def _load_line(load: LoadModel) -> str:
    if load.force_n is None or load.low_n is None or load.high_n is None:
        return f"        {load.activity}: load unknown, {load.reason}"
    text = f"        {load.activity}: {load.force_n:.0f} N ({load.low_n:.0f} to {load.high_n:.0f})"
    if load.uncompensated_n is not None:
        text += f", {load.uncompensated_n:.0f} N where the kyphosis is not made good"
    if load.to_strength is None:
        return f"{text}; {load.reason}"
    return f"{text}; {load.to_strength:.2f} of the strength ({load.to_strength_low:.2f} to {load.to_strength_high:.2f})"
