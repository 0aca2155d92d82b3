"""Strength of vertebrae of real CTs and of virtual patients, one row a model; behind docs/validation/strength.md.

Run as `python -m tools.strength_runs [OUT.jsonl] [--voxel-mm 2 ...]`: rows that are there already are not made again.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np

from spondyl.evidence.attenuation import mass_attenuation
from spondyl.findings import find_calibration, nominal_calibration
from spondyl.findings.calibration import DISPLACED_CM3_G
from spondyl.findings.trabecular import RegionValue, measure_region
from spondyl.numerics.plasticity import VON_MISES
from spondyl.simulation import (
    BoneModel,
    PlatenResponse,
    build_bone_model,
    estimate_strength,
    follow_load_path,
    press_bone,
)
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study, read_study
from spondyl.synthetic import ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient, trabecular_density

DATA = Path(os.environ.get("SPONDYL_DATA", Path(__file__).parents[2] / "shared" / "data"))
REAL = {  # CT, labels, subregions
    "lidc-0001-thoracic": ("ct.nii.gz", "vertebrae_auto.nii.gz", None),
    "ts-lumbar-3mm": ("ct.nii.gz", "vertebrae_auto.nii.gz", None),
    "tptbox-l3-ct-mr": ("l3_ct.nii.gz", "l3_ct_vertebra_label.nii.gz", "l3_ct_subregions.nii.gz"),
}
READINGS = {  # of virtual patients by seed: what a calibrated CT should read in each level [mg/cm³ K2HPO4 in water]
    11: {"T12": 40.0, "L1": 70.0, "L2": 100.0, "L3": 140.0},
    12: {"T10": 55.0, "T11": 85.0, "L4": 120.0, "L5": 165.0},
}
SIZES_MM = (3.0, 2.0, 1.5)
SAME_KEV = 0.01  # rounding of another machine
ROWS = Path(__file__).parents[1] / "docs" / "validation" / "strength-rows.jsonl"


@dataclass(frozen=True)
class Row:
    """One vertebra at one voxel size."""

    case: str
    level: str
    voxel_mm: float
    part: str
    ct_mm: float  # coarsest spacing of the CT
    grade: int
    density_mg_cm3: float | None  # trabecular, by the line that the strength used
    failure_n: float
    has_peak: bool
    stiffness_n_per_mm: float
    crawford_n: float
    effective_strain: float
    height_mm: float
    bone_cm3: float
    voxels: int
    seconds: float
    curve: list[list[float]]  # displacement [mm] and force [N] of the load path
    von_mises: list[list[float]]  # the same by a law without crushing
    integral_mg_cm3: float  # mean density of all bone of the body
    rigidity_n: float  # the least over its planes of the sum of modulus times area
    energy_kev: float | None  # of the calibration by tissues; None: there is none, a nominal line was used

    @property
    def reaction_n(self) -> float:
        """At 0.2 mm, linear."""
        return 0.2 * self.stiffness_n_per_mm


@cache
def spine_of(case: str) -> Spine:
    """The spine of a data set, or of the virtual patient of a seed."""
    if case in REAL:
        ct, labels, parts = REAL[case]
        folder = DATA / case
        return build_spine(
            read_study(folder / ct, Patient()),
            labels=folder / labels,
            label_map="verse",
            subregions=None if parts is None else folder / parts,
        )
    seed = int(case.removeprefix("virtual-"))
    levels = tuple(Level.parse(name) for name in READINGS[seed])
    span = tuple(Level(n) for n in range(min(levels), max(levels) + 1))
    spec = VirtualSpineSpec(
        levels=span,
        scan=ScanSpec(
            in_plane_mm=0.8, slice_step_mm=1.0, noise_hu=20.0,
            margin_side_mm=10.0, margin_front_mm=25.0, margin_back_mm=10.0, margin_head_mm=15.0, margin_foot_mm=15.0,
        ),
        vertebrae={
            Level.parse(name): VertebraSpec(density_mg_cm3=mineral_of(reading))
            for name, reading in READINGS[seed].items()
        },
    )  # fmt: skip
    patient = make_virtual_patient(spec, np.random.default_rng(seed))
    study = Study(patient.ct, Scan(kvp=120.0, contrast=False), Patient())
    return build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")


def mineral_of(reading: float) -> float:
    """Mineral in yellow marrow that reads as so much K2HPO4 in water, as phantoms and the law of bone count it.

    Fat lowers what single-energy CT reads (decision 0006): bone without mineral reads -36, mineral of 110 reads 60.
    """
    energy = VirtualSpineSpec().scan.energy_kev
    water, salt = (float(mass_attenuation(name, energy)) for name in ("water", "k2hpo4"))
    per_hu = water / (salt - DISPLACED_CM3_G * water)  # mg/cm³
    return float(trabecular_density(reading / per_hu, energy, 1.0))


def cases() -> dict[str, tuple[str, ...]]:
    """Levels of each case: the whole ones with a body from T5 to L5."""
    names = (*REAL, *(f"virtual-{seed}" for seed in READINGS))
    return {name: tuple(_usable(name)) for name in names}


def _usable(case: str) -> Iterator[str]:
    wanted = READINGS.get(int(case.removeprefix("virtual-")), {}) if case not in REAL else None
    for name in usable_levels(spine_of(case)):
        if wanted is None or name in wanted:
            yield name


def usable_levels(spine: Spine) -> Iterator[str]:
    """Levels of the whole vertebrae with a body, of those that the software is made for."""
    for vertebra in spine:
        if vertebra.level.is_intended and not vertebra.is_cut and vertebra.body is not None:
            yield vertebra.level.name


def measure(case: str, level: str, voxel_mm: float, part: str = "body") -> Row:
    """Build the model, press it, and write down what came of it."""
    spine = spine_of(case)
    assert spine.ct is not None
    begun = time.perf_counter()
    bone = build_bone_model(spine, level, voxel_mm=voxel_mm, part=part)
    path = press_bone(bone)
    found = estimate_strength(bone, path=path)
    other = follow_load_path(bone.model, bone.yield_stress, law=VON_MISES, tolerance=1e-3)
    seconds = time.perf_counter() - begun
    region = measure_region(spine, spine[level])
    line = find_calibration(spine).calibration or nominal_calibration()
    density = float(line.density(region.mean_hu)) if isinstance(region, RegionValue) else None
    return Row(
        case,
        level,
        voxel_mm,
        part,
        float(spine.ct.geometry.spacing_mm.max()),
        bone.calibration.grade,
        density,
        found.failure_n,
        bool(found.has_peak),
        found.stiffness_n_per_mm,
        found.linear.crawford_n,
        found.linear.effective_strain,
        found.height_mm,
        float((bone.density.array > 0).sum()) * voxel_mm**3 / 1000,
        found.voxels,
        seconds,
        _points(path),
        _points(other),
        1000 * float(bone.density.array[bone.density.array > 0].mean()),
        axial_rigidity(bone),
        energy_of(spine),
    )


def axial_rigidity(bone: BoneModel) -> float:
    """The least sum of modulus times area over the planes across the middle half of the bone. [N]"""
    of_bone = bone.density.array > 0
    planes = np.flatnonzero(of_bone.any(axis=(0, 1)))
    quarter = len(planes) // 4
    stiff = np.where(of_bone, bone.model.modulus, 0.0).sum(axis=(0, 1)) * bone.voxel_mm**2
    return float(stiff[planes[quarter] : planes[-1] - quarter + 1].min())


def energy_of(spine: Spine) -> float | None:
    """Energy at which tissues calibrate a CT; None where they do not. [keV]"""
    calibration = find_calibration(spine).calibration
    return None if calibration is None else calibration.energy_kev


def one_calibration(energies: Iterable[tuple[str, float | None]]) -> None:
    """Refuse rows of one CT that stand on different calibrations of its density.

    Parameters
    ----------
    energies
        Case and energy of each row. [keV]
    """
    found: dict[str, float | None] = {}
    for case, energy in energies:
        first = found.setdefault(case, energy)
        if (first is None) != (energy is None) or abs((first or 0.0) - (energy or 0.0)) > SAME_KEV:
            raise SystemExit(
                f"rows of {case} stand on two calibrations, {first} and {energy} keV; one is expected: delete the "
                "older rows, they are measured again"
            )


def _points(path: PlatenResponse) -> list[list[float]]:
    return [[point.displacement_mm, point.reaction_n] for point in path.curve or ()]


def read_rows(path: Path) -> list[Row]:
    """The rows of a file."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def make_rows(path: Path, sizes: tuple[float, ...] = SIZES_MM) -> list[Row]:
    """All rows, the missing ones measured and added to the file."""
    rows = read_rows(path)
    made = {(row.case, row.level, row.voxel_mm, row.part) for row in rows}
    for size in sizes:
        for case, levels in cases().items():
            for level in levels:
                if (case, level, size, "body") in made:
                    continue
                rows.append(measure(case, level, size))
                with path.open("a") as stream:
                    stream.write(json.dumps(asdict(rows[-1])) + "\n")
                print(case, level, size, f"{rows[-1].failure_n:.0f} N, {rows[-1].seconds:.1f} s", flush=True)
    return rows


def virtual(row: Row) -> bool:
    """Whether a row is of a virtual patient."""
    return row.case.startswith("virtual")


def main() -> None:
    """Make the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=ROWS)
    parser.add_argument("--voxel-mm", type=float, nargs="*", default=SIZES_MM)
    options = parser.parse_args()
    make_rows(options.out, tuple(options.voxel_mm))


if __name__ == "__main__":
    main()
