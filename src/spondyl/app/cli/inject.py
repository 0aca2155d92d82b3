"""`spondyl inject`: cement into any voxel model of a bone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from spondyl.documents.injection import InjectionDocument
    from spondyl.simulation.injection_records import Portion


def inject(
    permeability: Annotated[
        Path, typer.Argument(help="NIfTI of permeability in m²; 0 where cement cannot go.", show_default=False)
    ],
    porosity: Annotated[Path, typer.Option(help="NIfTI of porosity, 0 to 1, on the same grid.", show_default=False)],
    needle: Annotated[
        list[str],
        typer.Option(
            help="Tip as x,y,z in patient mm (LPS); then, if wanted, the cannula's bore and length in mm. Repeat for "
            "several portions.",
            show_default=False,
        ),
    ],
    flow: Annotated[list[float], typer.Option(help="mL/min; once for all portions, or one each.", show_default=False)],
    volume: Annotated[list[float], typer.Option(help="mL; once for all portions, or one each.", show_default=False)],
    start: Annotated[
        list[float], typer.Option(help="Minutes after mixing; once for all portions, or one each.", show_default=False)
    ],
    cement: Annotated[
        str, typer.Option(help="generic-low, generic-medium, generic-high, or a table of a cement's curve (.csv).")
    ] = "generic-medium",
    outlets: Annotated[
        Path | None,
        typer.Option(
            help="Labels (LABELS.nii.gz) of ways out, with LABELS.csv beside it: label, name, conductance_mm3 (or "
            "open), length_mm, area_mm2, pressure_kpa.",
            show_default=False,
        ),
    ] = None,
    pressure_limit: Annotated[
        float | None, typer.Option(help="MPa at the syringe; the flow falls to keep it.", show_default=False)
    ] = None,
    anisotropy: Annotated[str, typer.Option(help="Factors of permeability along the voxel axes i,j,k.")] = "1,1,1",
    marrow: Annotated[str, typer.Option(help="lumped: far marrow as one unknown; full: all of it, slower.")] = "lumped",
    heat: Annotated[
        float | None,
        typer.Option(
            help="Minutes over which the warmth of curing is followed: highest temperature at the wall and at each "
            "outlet. Left out: not followed.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New folder for cement, pressures and a picture; with the same inputs a killed run goes on.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Push cement through needles into a voxel model of a bone: where it goes, at what pressure, what leaks.

    Not calibrated on patients: it compares injections, and does not say whether one is safe.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress, say
    from spondyl.documents.injection import InjectionDocument, write_injection
    from spondyl.documents.injection_files import read_cement, read_outlets
    from spondyl.documents.injection_journal import InjectionJournal
    from spondyl.errors import InputError
    from spondyl.simulation.curing_heat import check_heat, simulate_model_heat
    from spondyl.simulation.injection import inject as run
    from spondyl.simulation.injection_model import build_injection_model
    from spondyl.simulation.injection_records import InjectionSettings
    from spondyl.studies import read_label_image, read_voxel_field

    if out is not None and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"'{out}' is already there and not empty; a new folder is expected: give another name")
    a, b, c = _numbers(anisotropy, "--anisotropy", 3, 3)
    schedule = _portions(needle, flow, volume, start)
    settings = InjectionSettings(pressure_limit_mpa=pressure_limit, marrow=marrow)  # type: ignore[arg-type]
    chosen = read_cement(cement)
    with progress() as tell:
        tell("injection", "begins")
        model = build_injection_model(
            read_voxel_field(permeability, "m2"),
            read_voxel_field(porosity, "1"),
            outlet_labels=None if outlets is None else read_label_image(outlets).labels,
            outlets=None if outlets is None else read_outlets(outlets),
            anisotropy=(a, b, c),
        )
        if heat is not None:
            check_heat(model.geometry, heat)
        journal = None if out is None else InjectionJournal(out, model, schedule, chosen, settings)
        found = run(
            model,
            schedule,
            chosen,
            settings,
            begun=None if journal is None else journal.begun(),
            on_step=None if journal is None else journal.keep,
        )
        warmth = None if heat is None else simulate_model_heat(model, found, chosen, minutes=heat)
        tell("injection", "made")
        tip = schedule[0].needle.tip_mm
        if out is not None:
            write_injection(out, found, model, tip, warmth)
        if journal is not None:
            journal.remove()
    document = InjectionDocument.of(found, chosen, marrow=marrow, tip_mm=tip, heat=warmth)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if as_json:
        print_document(document)
        return
    top = found.course.syringe_kpa.argmax()
    print_lines(
        f"injected   {found.injected_ml:.3f} of {found.asked_ml:.3f} mL; {found.in_bone_ml:.3f} mL in the bone",
        *(f"leaked     {leak.volume_ml:.3f} mL through {leak.outlet.name}" for leak in found.leaks),
        f"pressure   at most {found.course.syringe_kpa[top]:.4g} kPa at the syringe, of that "
        f"{found.course.cannula_kpa[top]:.4g} kPa in the cannula and {found.course.tip_kpa[top]:.4g} kPa at the tip",
        *_warm_lines(document),
        f"cement     at least {found.least_mobility_ratio:.3g} times as thick as marrow",
        *(f"assumption {line}" for line in found.assumptions),
        *(f"limit      {line}" for line in document.limits),
    )


def _warm_lines(document: InjectionDocument) -> list[str]:
    told = document.heat
    if told is None:
        return []
    places = "".join(f", {one.peak_c:.0f} C at {one.outlet}" for one in told.outlets)
    return [
        f"warmth     at most {told.hottest_c:.0f} C anywhere, {told.wall_c:.0f} C at the wall{places}; above 50 C for "
        f"{told.hottest_min:.1f} min at most, within {told.minutes:g} min"
    ]


def _portions(needles: list[str], flows: list[float], volumes: list[float], starts: list[float]) -> list[Portion]:
    from spondyl.errors import InputError
    from spondyl.simulation.injection_records import Needle, Portion

    count = max(len(needles), len(flows), len(volumes), len(starts))
    lengths = {"--needle": len(needles), "--flow": len(flows), "--volume": len(volumes), "--start": len(starts)}
    for name, length in lengths.items():
        if length not in (1, count):
            raise InputError(f"{name} is given {length} times for {count} portions; once, or {count} times")
    found = []
    for number in range(count):
        x, y, z, *cannula = _numbers(needles[number % len(needles)], "--needle", 3, 5)
        sizes = dict(zip(("bore_mm", "length_mm"), cannula, strict=False))
        volume, flow, start = (values[number % len(values)] for values in (volumes, flows, starts))
        found.append(Portion(Needle((x, y, z), **sizes), volume, flow, start))
    return found


def _numbers(text: str, name: str, least: int, most: int) -> list[float]:
    from spondyl.errors import InputError

    try:
        found = [float(part) for part in text.split(",")]
    except ValueError:
        found = []
    if not least <= len(found) <= most:
        counts = str(least) if least == most else f"{least} to {most}"
        raise InputError(f"{name} is '{text}'; {counts} numbers with commas between them are expected")
    return found
