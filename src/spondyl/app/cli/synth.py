"""`spondyl synth`: virtual patients and virtual deformities with known truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import typer

from spondyl.app.cli import synth_options as o
from spondyl.app.cli.options import AsJson

if TYPE_CHECKING:
    from pathlib import Path

    from spondyl.documents.models import SynthDocument
    from spondyl.spine import Level
    from spondyl.synthetic import ScanSpec, VirtualSpineSpec


def synth(
    context: typer.Context,
    out: o.Out,
    file_format: o.FileFormat = "nifti",
    seed: o.Seed = 0,
    levels: o.Levels = "T10-L5",
    cobb_deg: o.CobbDeg = 0.0,
    kyphosis_deg: o.KyphosisDeg = 25.0,
    lordosis_deg: o.LordosisDeg = 32.0,
    density_mg_cm3: o.DensityMgCm3 = 110.0,
    density_variation: o.DensityVariation = 0.12,
    marrow_fat_share: o.MarrowFatShare = 1.0,
    shell_mm: o.ShellMm = 0.5,
    scale: o.Scale = 1.0,
    cupping: o.Cupping = 1.0,
    waist: o.Waist = 1.0,
    rib_pairs: o.RibPairs = 12,
    lumbar_count: o.LumbarCount = 5,
    rib_reach: o.RibReach = 1.0,
    fat_mm: o.FatMm = 15.0,
    left_marker: o.LeftMarker = False,
    breaks: o.Breaks = None,
    level_densities: o.LevelDensities = None,
    pedicle_widths: o.PedicleWidths = None,
    gas_clefts: o.GasClefts = None,
    endplate_defects: o.EndplateDefects = None,
    wall_defects: o.WallDefects = None,
    lesions: o.Lesions = None,
    osteophytes: o.Osteophytes = None,
    posterior_bulges: o.PosteriorBulges = None,
    in_plane_mm: o.InPlaneMm = 1.0,
    slice_step_mm: o.SliceStepMm = 1.0,
    slice_thickness_mm: o.SliceThicknessMm = None,
    slice_profile: o.SliceProfile = "box",
    tilt_deg: o.TiltDeg = 0.0,
    coronal_tilt_deg: o.CoronalTiltDeg = 0.0,
    gantry_tilt_deg: o.GantryTiltDeg = 0.0,
    margin_side_mm: o.MarginSideMm = 40.0,
    margin_front_mm: o.MarginFrontMm = 55.0,
    margin_back_mm: o.MarginBackMm = 30.0,
    margin_head_mm: o.MarginHeadMm = 8.0,
    margin_foot_mm: o.MarginFootMm = 8.0,
    tube_voltage_kv: o.TubeVoltageKv = None,
    energy_kev: o.EnergyKev = None,
    kernel: o.KernelName = "standard",
    blur_mm: o.BlurMm = None,
    noise_hu: o.NoiseHu = 15.0,
    contrast_hu: o.ContrastHu = 0.0,
    made_from: o.From = None,
    labels: o.FromLabels = None,
    label_map: o.FromLabelMap = None,
    subregions: o.FromSubregions = None,
    as_json: AsJson = False,
) -> None:
    """Make a virtual patient, or a deformity in a CT: CT, true labels, and truth.json with what is true of it."""
    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.errors import InputError

    if file_format not in ("nifti", "dicom"):
        raise InputError(f"--format is nifti or dicom, found '{file_format}'")
    given = {name: value for name, value in context.params.items() if value is not None}
    if made_from is not None:
        _refuse_without_effect(context)
    document = _deformed(out, given) if made_from is not None else _virtual(out, given)
    if as_json:
        print_document(document)
    else:
        print_lines(document.description, f"written to {out}")


_WITH_FROM = {"out", "file_format", "breaks", "made_from", "labels", "label_map", "subregions", "as_json"}


def _refuse_without_effect(context: typer.Context) -> None:
    """What shapes a virtual patient does nothing to a CT that is there, and silence would say otherwise."""
    from spondyl.errors import InputError

    flags = {parameter.name: parameter.opts[0] for parameter in context.command.params}
    for name in context.params.keys() - _WITH_FROM:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise InputError(f"{flags[name]} shapes a virtual patient and has no effect with --from: leave it out")


def _virtual(out: Path, given: Mapping[str, Any]) -> SynthDocument:
    from spondyl.app.virtual_files import write_virtual_patient
    from spondyl.errors import InputError

    if stray := [f"--{name.replace('_', '-')}" for name in ("labels", "label_map", "subregions") if name in given]:
        raise InputError(f"{stray[0]} belongs to --from, which is not given: a virtual patient brings its own labels")
    kv, file_format = given.get("tube_voltage_kv"), given["file_format"]
    return write_virtual_patient(out, _spec(given), given["seed"], file_format=file_format, tube_voltage_kv=kv)


def _spec(given: Mapping[str, Any]) -> VirtualSpineSpec:
    """The virtual spine of these options."""
    from spondyl.app.cli.synth_levels import read_levels
    from spondyl.synthetic import VirtualSpineSpec, levels_between

    own = {field.name: given[field.name] for field in fields(VirtualSpineSpec) if field.name in given}
    first, last = _ends(given["levels"])
    chosen = levels_between(first, last, given["rib_pairs"], given["lumbar_count"])
    return VirtualSpineSpec(**{**own, "levels": chosen, "scan": _scan(given), "vertebrae": read_levels(given)})


def _scan(given: Mapping[str, Any]) -> ScanSpec:
    from spondyl.errors import InputError
    from spondyl.synthetic import ScanSpec, effective_energy

    own = {field.name: given[field.name] for field in fields(ScanSpec) if field.name in given}
    kv = given.get("tube_voltage_kv")
    if kv is not None and "energy_kev" in own:
        raise InputError("--tube-voltage-kv and --energy-kev both set the energy: give one of them")
    return ScanSpec(**own) if kv is None else ScanSpec(**own, energy_kev=effective_energy(kv))


def _ends(text: str) -> tuple[Level, Level]:
    from spondyl.errors import InputError
    from spondyl.spine import Level

    first, dash, last = text.partition("-")
    if not dash:
        raise InputError(f"--levels is a first and a last level such as T10-L5, found '{text}'")
    upper, lower = Level.parse(first), Level.parse(last)
    if upper.order > lower.order:
        raise InputError(f"--levels runs from head to foot, found '{text}': give {lower.name}-{upper.name}")
    return upper, lower


def _deformed(out: Path, given: Mapping[str, Any]) -> SynthDocument:
    from spondyl.app.cli.synth_levels import read_breaks
    from spondyl.app.virtual_files import Source, write_deformed
    from spondyl.errors import InputError

    if "labels" not in given:
        raise InputError("--from needs the labels of that CT: add --labels SEG and --label-map MAP")
    source = Source(given["made_from"], given["labels"], given.get("label_map"), given.get("subregions"))
    return write_deformed(out, source, read_breaks(given.get("breaks")), file_format=given["file_format"])
