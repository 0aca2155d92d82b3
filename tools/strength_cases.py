"""Cases E02, E03, E19 and E20, and both kinds of ends, on bodies of CTs and of virtual patients, one row a body.

Behind docs/validation/strength.md. Run as `python -m tools.strength_cases [OUT.jsonl]`: rows that are there already are
not made again. With `--calibrate` it makes no rows, but finds the damage that case E02 asks for.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from spondyl.numerics.equilibrium import conjugate_gradients
from spondyl.simulation import (
    BoneModel,
    build_bone_model,
    damage_by_loading,
    estimate_strength,
    press_bone,
    solve_voxel_model,
)
from spondyl.simulation.bone import ENDS
from spondyl.simulation.composite import HardCement, acrylic, partly_filled, with_fields
from spondyl.simulation.damage import damaged
from spondyl.simulation.fields import measure_fields
from spondyl.simulation.load_cycle import DAMAGING, LoadCycle, press_twice
from spondyl.simulation.strength_spread import failure_of
from tools.strength_runs import energy_of, spine_of

ROWS = Path(__file__).parents[1] / "docs" / "validation" / "strength-cases.jsonl"
CRUSHED = (  # for E02: L3 where there is one, else its neighbours
    ("tptbox-l3-ct-mr", "L3"),
    ("ts-lumbar-3mm", "L2"),
    ("ts-lumbar-3mm", "L3"),
    ("ts-lumbar-3mm", "L4"),
    ("virtual-11", "L3"),
    ("virtual-12", "L4"),
)
SHELLED = (  # for E03: T9 and its neighbours
    ("lidc-0001-thoracic", "T8"),
    ("lidc-0001-thoracic", "T9"),
    ("lidc-0001-thoracic", "T10"),
    ("virtual-12", "T10"),
    ("virtual-12", "T11"),
    ("virtual-11", "T12"),
)
FILLED = (("lidc-0001-thoracic", "T12"), ("virtual-11", "T12"), ("lidc-0001-thoracic", "T10"), ("virtual-12", "T10"))
BOTH_ENDS = (
    ("tptbox-l3-ct-mr", "L3"),
    ("ts-lumbar-3mm", "L3"),
    ("lidc-0001-thoracic", "T9"),
    ("virtual-11", "L1"),
    ("virtual-11", "L3"),
    ("virtual-12", "T10"),
)
CRUSH = 0.25
STIFFNESS_LEFT = 0.47  # mean of case E02
SHELL_VOXEL_MM, FLEXION_DEG, SHELL_MM = 1.5, 5.0, (1.0, 2.0)
FILLS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
LOST = (0.19, 0.33, 0.6, 0.91)  # of the modulus, case E19
PARTIAL, CEMENTS_MPA = 0.39, (1000.0, 9000.0)
TRIED = (0.6, 0.7)  # damage limits, between and about which the wanted one is read off
_POINTS = 24  # along each edge of a voxel, for the part of it that lies in the shell
_QUICK = conjugate_gradients(rtol=1e-5)


@dataclass(frozen=True)
class CaseRow:
    """What one case gave on one body."""

    case: str  # E02, E03, E19, E20 or ends
    body: str
    level: str
    voxel_mm: float
    values: dict[str, Any]
    energy_kev: float | None  # of the calibration by tissues; None: a nominal line was used


def crush(body: str, level: str, voxel_mm: float = 2.0, damage_limit: float = DAMAGING.damage_limit) -> dict[str, Any]:
    """E02: pressed by a quarter, let go and pressed again."""
    bone = build_bone_model(spine_of(body), level, voxel_mm=voxel_mm)
    cycle = press_twice(bone, law=replace(DAMAGING, damage_limit=damage_limit), apparent_strain=CRUSH)
    return {
        "stiffness_left": cycle.stiffness_left,
        "strength_left": strength_left(bone, cycle),
        "recovered": cycle.recovered_share,
        "crush_over_failure": cycle.first[-1].reaction_n / failure_of(cycle.first, bone.height_mm)[0],
        "damage_limit": damage_limit,
        "damage_strain": DAMAGING.damage_strain,
        "hardening": DAMAGING.hardening,
    }


def strength_left(bone: BoneModel, cycle: LoadCycle) -> float:
    """Failure load of the second test over that of the first, each read at 1.9 % where nothing peaks."""
    first, again = (failure_of(curve, bone.height_mm)[0] for curve in (cycle.first, cycle.again))
    return again / first


def shell(body: str, level: str) -> dict[str, Any]:
    """E03: share of the force at mid-height in the outer 1 and 2 mm, between discs, straight and bent by 5 degrees.

    The top's middle sinks by 1 mm in both; bent, it turns to the front besides. A voxel that lies in the shell in part
    counts with that part of its force. Beside it the shell's share of the section and of its modulus.
    """
    bone = build_bone_model(spine_of(body), level, voxel_mm=SHELL_VOXEL_MM, ends="disc")
    found: dict[str, Any] = {}
    for name, degrees in (("compression", 0.0), ("flexion", FLEXION_DEG)):
        model = replace(bone.model, displacement_mm=-1.0, tilt=(float(np.tan(np.radians(degrees))), 0.0))
        strain = measure_fields(model, solve_voxel_model(model).displacement).strain
        lame, shear = model.coefficients
        axial = lame * strain[:3].sum(axis=0) + 2 * shear * strain[2]
        planes = np.flatnonzero((bone.density.array > 0).any(axis=(0, 1)))
        k = int((planes[0] + planes[-1] + 1) // 2)
        section, force = bone.density.array[..., k] > 0, axial[..., k]
        parts = [shell_part(section, bone.voxel_mm, mm) for mm in SHELL_MM]
        total = force[section].sum()
        found[name] = [float((part * force)[section].sum() / total) for part in parts]
        found["area"], found["modulus"] = (
            [float((part * weight)[section].sum() / weight[section].sum()) for part in parts]
            for weight in (section.astype(float), model.modulus[..., k])
        )
        front = np.arange(section.shape[0])[:, None] > np.nonzero(section)[0].mean()
        found[f"{name}_front"] = float(force[section & front].sum() / total)
    return found


def shell_part(section: np.ndarray, voxel_mm: float, thickness_mm: float) -> np.ndarray:
    """What part of each voxel lies within a thickness under the outline of a section, holes filled.

    Counted over 24 x 24 points of a voxel.
    """
    filled = np.pad(ndimage.binary_fill_holes(section), 1)
    fine = np.kron(filled, np.ones((_POINTS, _POINTS), bool))
    point_mm = voxel_mm / _POINTS
    depth = ndimage.distance_transform_edt(fine) * point_mm - point_mm / 2
    inside = (fine & (depth < thickness_mm)).reshape(filled.shape[0], _POINTS, filled.shape[1], _POINTS)
    return np.asarray(inside.mean(axis=(1, 3))[1:-1, 1:-1])


def restore(body: str, level: str) -> dict[str, Any]:
    """E20: stiffness over the whole body's against fill, after a fracture that took 53 % of it."""
    bone = build_bone_model(spine_of(body), level)
    found = damage_by_loading(bone, press_bone(bone))
    broken = damaged(bone, np.asarray(found.field))
    whole = _stiffness(bone)
    course = [_stiffness(filled(broken, fill, acrylic())) / whole for fill in FILLS]
    return {"fills": FILLS, "stiffness": course, "restored_at": crossing(course), "left": found.stiffness_left}


def soften(body: str, level: str) -> dict[str, Any]:
    """E19: fill that brings the stiffness back where all bone has lost so much, and what the cement's modulus does."""
    bone = build_bone_model(spine_of(body), level)
    whole = _stiffness(bone)
    restored = {}
    for lost in LOST:
        broken = with_fields(
            bone, np.where(bone.density.array > 0, 1 - lost, 1) * bone.model.modulus, bone.yield_stress.array
        )
        restored[f"{100 * lost:.0f}"] = crossing(
            [_stiffness(filled(broken, fill, acrylic())) / whole for fill in FILLS]
        )
    broken = damaged(bone, np.where(bone.density.array > 0, LOST[1], 0.0))
    soft, hard = (_stiffness(filled(broken, PARTIAL, replace(acrylic(), modulus=modulus))) for modulus in CEMENTS_MPA)
    return {"restored_at": restored, "hard_over_soft_cement": hard / soft}


def filled(bone: BoneModel, share: float, cement: HardCement) -> BoneModel:
    """The bone with this share of its voxels filled: those of an ellipsoid of the body's shape about its middle."""
    of_bone = bone.density.array > 0
    places = np.argwhere(of_bone).astype(float)
    low, high = places.min(axis=0), places.max(axis=0)
    radius = np.linalg.norm((places - (low + high) / 2) / ((high - low + 1) / 2), axis=1)
    chosen = np.zeros(of_bone.shape)
    chosen[of_bone] = radius.argsort(kind="stable").argsort(kind="stable") < share * len(radius)
    modulus, stress = partly_filled(bone.model.modulus, bone.yield_stress.array, bone.model.poisson, chosen, cement)
    return with_fields(bone, modulus, stress)


def between(body: str, level: str) -> dict[str, Any]:
    """Failure load and stiffness between cement caps and between discs."""
    found: dict[str, Any] = {}
    for ends in ENDS:
        bone = build_bone_model(spine_of(body), level, ends=ends)
        strength = estimate_strength(bone, path=press_bone(bone))
        found[ends] = [strength.failure_n, strength.stiffness_n_per_mm]
    return found


def crossing(course: list[float]) -> float | None:
    """The fill at which a rising course passes 1; None where it does not."""
    if max(course) < 1:
        return None
    return float(np.interp(1.0, np.maximum.accumulate(course), FILLS))


def _stiffness(bone: BoneModel) -> float:
    return solve_voxel_model(bone.model, solver=_QUICK).stiffness_n_per_mm


CASES: dict[str, tuple[Callable[[str, str], dict[str, Any]], tuple[tuple[str, str], ...], float]] = {
    "E03": (shell, SHELLED, SHELL_VOXEL_MM),
    "E20": (restore, FILLED, 2.0),
    "E19": (soften, FILLED[2:], 2.0),
    "ends": (between, BOTH_ENDS, 2.0),
    "E02": (crush, CRUSHED, 2.0),
}


def read_rows(path: Path) -> list[CaseRow]:
    """The rows of a file."""
    return [CaseRow(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def make_rows(path: Path) -> list[CaseRow]:
    """All rows, the missing ones measured and added to the file."""
    made = {(row.case, row.body, row.level) for row in read_rows(path)}
    for case, body, level in _wanted():
        if (case, body, level) in made:
            continue
        measure, _, voxel_mm = CASES[case]
        row = CaseRow(case, body, level, voxel_mm, measure(body, level), energy_of(spine_of(body)))
        with path.open("a") as stream:
            stream.write(json.dumps(asdict(row)) + "\n")
        print(row, flush=True)
    return read_rows(path)


def _wanted() -> Iterator[tuple[str, str, str]]:
    for case, (_, bodies, _) in CASES.items():
        for body, level in bodies:
            yield case, body, level


def calibrate(voxel_mm: float = 3.0) -> float:
    """The damage limit at which the mean stiffness that is left is that of case E02, by a line through two trials."""
    means = []
    for limit in TRIED:
        rows = [crush(body, level, voxel_mm, limit) for body, level in CRUSHED]
        left = [row["stiffness_left"] for row in rows]
        means.append(float(np.mean(left)))
        print(f"damage limit {limit:g}: stiffness left {means[-1]:.3f} ({', '.join(f'{one:.2f}' for one in left)})")
    slope = (means[1] - means[0]) / (TRIED[1] - TRIED[0])
    return TRIED[0] + (STIFFNESS_LEFT - means[0]) / slope


def main() -> None:
    """Make the rows, or the calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, nargs="?", default=ROWS)
    parser.add_argument("--calibrate", action="store_true", help="find the damage limit of case E02, at 3 mm")
    options = parser.parse_args()
    if options.calibrate:
        print(f"damage limit {calibrate():.3f}")
    else:
        make_rows(options.out)


if __name__ == "__main__":
    main()
