"""`spondyl fe`: any voxel model between two platens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from spondyl.numerics.plasticity import YieldLaw
    from spondyl.simulation import LoadCycle, PlatenResponse, VoxelModel
    from spondyl.space import Volume

AXES: tuple[Literal["i", "j", "k"], ...] = ("i", "j", "k")


def fe(
    modulus: Annotated[Path, typer.Argument(help="NIfTI of Young's modulus in MPa; 0 is void.", show_default=False)],
    platens: Annotated[
        Path, typer.Option(help="NIfTI of labels on the same grid that mark the platens.", show_default=False)
    ],
    top: Annotated[int, typer.Option(help="Label of the platen that moves, at the larger index.", show_default=False)],
    bottom: Annotated[int, typer.Option(help="Label of the platen that rests.", show_default=False)],
    displacement: Annotated[
        float, typer.Option(help="Of the top along the axis, in mm; negative compresses.", show_default=False)
    ],
    lateral: Annotated[
        str, typer.Option(help="Nodes of the platens sideways: free (they slide) or held.", show_default=False)
    ],
    poisson: Annotated[
        str | None,
        typer.Option(
            help="Poisson's ratio, or a NIfTI of it; left out: the handbook's of bone, 0.3.", show_default=False
        ),
    ] = None,
    axis: Annotated[str, typer.Option(help="Voxel axis of the load: i, j or k, or its number 0, 1 or 2.")] = "k",
    yield_stress: Annotated[
        Path | None,
        typer.Option(
            "--yield", help="NIfTI of the yield stress in MPa: gives a curve; 0 never yields.", show_default=False
        ),
    ] = None,
    law: Annotated[
        str,
        typer.Option(help="How voxels yield: von-mises, crushable as bone is, or damaging: it loses stiffness too."),
    ] = "von-mises",
    steps: Annotated[int, typer.Option(help="Steps of the curve.")] = 10,
    let_go: Annotated[
        bool, typer.Option("--let-go", help="With --yield: unload, press again; stiffness left and what stays.")
    ] = False,
    offset: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Of the line of force from the middle of the top, along the axes across, in mm: the top then turns. "
            "Left out: it does not.",
            show_default=False,
        ),
    ] = None,
    fields: Annotated[
        Path | None,
        typer.Option(help="New folder for displacement, strain, stress and energy as NIfTI.", show_default=False),
    ] = None,
    vtu: Annotated[Path | None, typer.Option(help="Mesh and fields as a VTK file (.vtu).", show_default=False)] = None,
    inp: Annotated[
        Path | None, typer.Option(help="The model as an input file for CalculiX (.inp).", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Press or pull a voxel model between two platens and give its reaction and stiffness.

    A platen is the set of outer faces of the labelled voxels on their extreme plane along the axis. Parts that do not
    join both platens bear nothing and are left out, with a warning.
    """
    from spondyl.app.cli.output import print_document, print_lines, progress, say
    from spondyl.app.warm import FIRST, LINEAR, compiled_beside
    from spondyl.simulation import build_voxel_model, pushed_off_middle
    from spondyl.studies import read_label_image, read_voxel_field

    rule, along = _law(law), _axis(axis)
    _check_together(law, yields=yield_stress is not None, let_go=let_go, fields=(fields or vtu) is not None, inp=inp)
    with progress() as tell, compiled_beside(tell, LINEAR if yield_stress is None else FIRST) as ready:
        tell("model", "begins")
        model = build_voxel_model(
            read_voxel_field(modulus, "MPa"),
            read_label_image(platens).labels,
            top=top,
            bottom=bottom,
            displacement_mm=displacement,
            lateral=lateral,
            poisson=None if poisson is None else _ratio(poisson),
            axis=AXES.index(along),
        )
        if offset is not None:
            ready()
            model = pushed_off_middle(model, offset)
        strength = None if yield_stress is None else read_voxel_field(yield_stress, "MPa")
        if inp is not None:
            from spondyl.documents.calculix import write_inp

            write_inp(inp, model, yield_stress=strength, steps=1 if strength is None else steps)
        tell("model", "made")
        ready()
        tell("solution", "begins")
        found, cycle = _solved(model, strength, rule, steps, let_go=let_go)
        tell("solution", "made")
        if (fields or vtu) is not None:
            _write_answer(model, found, fields, vtu)
    for warning in found.warnings:
        say(f"warning: {warning}")
    if as_json:
        from spondyl.documents.mechanics import FeDocument

        print_document(FeDocument.of(found, lateral=lateral, axis=along, cycle=cycle))
    else:
        print_lines(*_lines(found, cycle, with_offset=offset is not None))


def _check_together(law: str, *, yields: bool, let_go: bool, fields: bool, inp: Path | None) -> None:
    """Refuse options that ask together for what there is not."""
    from spondyl.errors import InputError

    if let_go and not yields:
        raise InputError("--let-go asks for what stays after yielding: give --yield too")
    if inp is not None and law != "von-mises":
        raise InputError(f"CalculiX has no law '{law}': leave --inp out, or take von-mises")
    if fields and yields:
        raise InputError("--fields and --vtu are of a linear answer; leave --yield out, or leave them out")


def _write_answer(model: VoxelModel, found: PlatenResponse, fields: Path | None, vtu: Path | None) -> None:
    """The fields of a linear answer, in what files were asked for."""
    from spondyl.documents.voxel_files import write_fields, write_vtu

    if fields is not None:
        write_fields(fields, model, found)
    if vtu is not None:
        write_vtu(vtu, model, found)


def _solved(
    model: VoxelModel, strength: Volume | None, law: YieldLaw, steps: int, *, let_go: bool
) -> tuple[PlatenResponse, LoadCycle | None]:
    """The answer, linear where nothing yields; and the cycle where the load is let go again."""
    from spondyl.simulation import follow_cycle, follow_load_path, solve_voxel_model

    if strength is None:
        return solve_voxel_model(model), None
    if not let_go:
        return follow_load_path(model, strength, law=law, steps=steps), None
    end = model.displacement_mm
    places = [end * step / steps for step in range(1, steps + 1)]
    cycle = follow_cycle(model, strength, places, [end / 20, end], law=law)
    return cycle.pressed, cycle


def _lines(found: PlatenResponse, cycle: LoadCycle | None, *, with_offset: bool) -> list[str]:
    lines = [f"curve      {point.displacement_mm:g} mm  {point.reaction_n:.6g} N" for point in found.curve or ()]
    if with_offset:
        lines.append(f"offset     {found.offset_mm[0]:.4g} {found.offset_mm[1]:.4g} mm")
    lines.append(f"reaction   {found.reaction_n:.6g} N at {found.displacement_mm:g} mm")
    lines.append(f"stiffness  {found.stiffness_n_per_mm:.6g} N/mm")
    if cycle is not None:
        lines.append(f"let go     {cycle.stiffness_left:.4g} of the stiffness left, {cycle.lasting_mm:.4g} mm stay")
    borne = f"{found.voxels} voxels bear load; {found.iterations} iterations to a residual of {found.residual:.1e}"
    return [*lines, borne]


def _ratio(text: str) -> float | Volume:
    """A number, or the field in a file of this name."""
    from spondyl.studies import read_voxel_field

    try:
        return float(text)
    except ValueError:
        return read_voxel_field(text, "1")


def _axis(name: str) -> Literal["i", "j", "k"]:
    """The voxel axis of a letter or a number."""
    from spondyl.errors import InputError

    along = dict(zip("012ijk", AXES * 2, strict=True)).get(name.lower())
    if along is None:
        raise InputError(f"--axis is '{name}'; i, j or k, or 0, 1 or 2, is expected")
    return along


def _law(name: str) -> YieldLaw:
    from spondyl.errors import InputError
    from spondyl.numerics.plasticity import CRUSHABLE, VON_MISES
    from spondyl.simulation.load_cycle import DAMAGING

    laws = {"von-mises": VON_MISES, "crushable": CRUSHABLE, "damaging": DAMAGING}
    if name not in laws:
        raise InputError(f"--law is '{name}'; one of {', '.join(laws)} is expected")
    return laws[name]
