"""`spondyl strength`: how much force vertebrae bear between cement caps, as modelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, CaseArgument

if TYPE_CHECKING:
    from spondyl.documents.mechanics import LevelStrengthModel, StrengthDocument


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
    as_json: AsJson = False,
) -> None:
    """Give stiffness and failure load of vertebrae by a voxel model from the CT, with the interval and the grade.

    Each is pressed along its own axis between cement caps to 2 % of its height. Without a calibration of the density
    (grade 5) no newtons are told, only ratios between levels.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.job import Job
    from spondyl.documents.mechanics import StrengthDocument
    from spondyl.simulation import build_bone_model, estimate_strength

    with progress() as tell:
        spine = Job(case, None, tell=tell).spine
        names = level or [v.level.name for v in spine if v.level.is_intended and not v.is_cut and v.body is not None]
        found = []
        for name in names:
            tell(name, "begins")
            bone = build_bone_model(spine, name, voxel_mm=voxel_mm, part=part, law=law)
            found.append((bone, estimate_strength(bone)))
            tell(name, "made")
    document = StrengthDocument.of(found, part=part)
    if as_json:
        print_document(document)
    else:
        print_lines(*_lines(document))


def _lines(document: StrengthDocument) -> list[str]:
    lines = [f"density grade {document.density_grade}: {document.density_reason}"]
    lines += [_line(one) for one in document.levels]
    notes = dict.fromkeys(note for one in document.levels for note in one.notes)
    return [*lines, *notes, *document.limits]


def _line(one: LevelStrengthModel) -> str:
    ratio = "" if one.failure_to_median is None else f"  {one.failure_to_median:.2f} of the median of these levels"
    if one.failure_n is None or one.failure_low_n is None or one.failure_high_n is None:
        return f"{one.level:<5}{ratio or ' no newtons: give more levels for ratios'}"
    interval = f"{one.failure_low_n / 1000:.1f} to {one.failure_high_n / 1000:.1f}"
    return f"{one.level:<5} {one.failure_n / 1000:.1f} kN ({interval}), {one.stiffness_n_per_mm:.0f} N/mm{ratio}"
