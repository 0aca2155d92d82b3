"""Run the cases on treated and creeping bodies against experiments, and write docs/validation/course.md.

`python -m tools.validate_course`: bodies of virtual patients whose densities are those of old spines.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from spondyl.simulation import (
    CourseStart,
    CreepLaw,
    StandingLoad,
    build_segment_model,
    compare_neighbours,
    filled_with_cement,
    find_creep_compliance,
    measure_mechanics,
    start_courses,
)
from spondyl.simulation.composite import acrylic, averaged_on, partly_filled
from spondyl.simulation.creep import measured_ratio
from spondyl.simulation.height_course import line_of_standing, shortening
from spondyl.space import Volume
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VirtualSpineSpec, make_virtual_patient

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "course.md"
LEVELS = (Level.T12, Level.L1, Level.L2)
SEEDS = (21, 22, 23)
VOLUMES_ML = (2.0, 4.0, 6.0, 8.0)
VOXEL_MM = 2.0
AWAY_MM = 5.0  # of cement from the endplates, asked by E16


@dataclass(frozen=True)
class Row:
    """One line of the page."""

    case: str
    role: str
    what: str
    theirs: str
    asked: str
    ours: str
    inside: bool
    why: str = ""


@cache
def spine(seed: int) -> Spine:
    """A virtual patient of old bone, 60 kg: T12 to L2 whole."""
    spec = VirtualSpineSpec(levels=LEVELS, scan=ScanSpec(in_plane_mm=1.0, slice_step_mm=1.0), density_mg_cm3=90.0)
    made = make_virtual_patient(spec, np.random.default_rng(seed))
    study = Study(made.ct, Scan(kvp=120.0, contrast=False), Patient(weight_kg=60.0, height_cm=160.0))
    return build_spine(study, labels=LabelImage(made.labels, None), label_map="verse")


@cache
def bodies() -> tuple[CourseStart, ...]:
    """The first lumbar body of each patient, whole and broken."""
    return tuple(start_courses(spine(seed), "L1", voxel_mm=VOXEL_MM) for seed in SEEDS)


def two_balls(body: CourseStart, volume_ml: float) -> Volume:
    """A two-sided filling of this volume: two balls in the front half, as bipedicular needles make them."""
    geometry = body.bone.density.geometry
    bone = body.bone.density.array > 0
    grid = np.stack(np.meshgrid(*map(np.arange, bone.shape), indexing="ij"), axis=-1) * VOXEL_MM
    low, high = grid[bone].min(axis=0), grid[bone].max(axis=0)
    middle, span = (low + high) / 2, high - low
    centres = [middle + np.array([0.08 * span[0], side * 0.18 * span[1], 0.0]) for side in (-1, 1)]
    away = np.min([np.linalg.norm(grid - centre, axis=-1) for centre in centres], axis=0)
    away[~bone] = np.inf
    count = round(volume_ml * 1000 / VOXEL_MM**3)
    return Volume((away <= np.sort(away, axis=None)[count - 1]).astype(float), geometry, "1")


def dose(rows: list[Row]) -> None:
    """E05: the volume that restores strength and stiffness."""
    strength, stiffness = [], []
    for volume in VOLUMES_ML:
        ratios = []
        for body in bodies():
            state = measure_mechanics(filled_with_cement(body.body.pressed_bone, two_balls(body, volume)))
            ratios.append(
                (
                    state.strength.failure_n / body.whole.strength.failure_n,
                    state.stiffness_n_per_mm / body.whole.stiffness_n_per_mm,
                )
            )
        mean = np.mean(ratios, axis=0)
        strength.append(float(mean[0]))
        stiffness.append(float(mean[1]))
    first = [
        next((v for v, r in zip(VOLUMES_ML, found, strict=True) if r >= 0.95), None) for found in (strength, stiffness)
    ]
    told = "; ".join(f"{v:g} mL: {a:.2f}, {b:.2f}" for v, a, b in zip(VOLUMES_ML, strength, stiffness, strict=True))
    good = first[0] is not None and first[0] <= 4 and first[1] is not None and 4 <= first[1] <= 8
    rows.append(
        Row(
            "E05",
            "validation",
            "strength and stiffness over those before the fracture, by volume",
            "strength by 2 mL, stiffness by 4 to 8 mL",
            "strength >= 0.95 by 2-4 mL, stiffness between 4 and 8 mL and later",
            f"{told}: strength from {first[0]} mL, stiffness from {first[1]} mL",
            good and first[0] <= first[1],  # type: ignore[operator]
            "the broken body keeps its strength in the model, so any cement restores it",
        )
    )


def composite(rows: list[Row]) -> None:
    """E13 and E14: filled bone over bare bone."""
    native = np.array([150.0, 200.0, 266.0, 300.0])
    filled, _ = partly_filled(native, native / 150, np.full(4, 0.3), np.ones(4), acrylic())
    ratios = filled / native
    told = ", ".join(f"{n:g} MPa: {r:.1f}" for n, r in zip(native, ratios, strict=True))
    rows.append(
        Row(
            "E13",
            "validation",
            "filled over bare bone, by the modulus of the bare",
            "8.5",
            "5 to 12 for 150 to 300 MPa",
            told,
            bool((ratios >= 5).all() and (ratios <= 12).all()),
            f"filled bone is {filled[0]:.0f} MPa whatever the bone (E14), 0.61 of neat, so the ratio falls below "
            f"5 from {filled[0] / 5:.0f} MPa on; a constant is in at both ends only from 1500 to 1800 MPa, and the "
            "published 2000 to 2700 MPa of neat cement give 1216 to 1642. 8.5 is met at "
            f"{filled[0] / 8.5:.0f} MPa. Mean figures are kept, not set on this case",
        )
    )
    spread = float(np.ptp(filled) / filled.mean())
    rows.append(
        Row(
            "E14",
            "verification",
            "change of the filled modulus with the share of bone",
            "none",
            "under 5 %",
            f"{100 * spread:.1f} %",
            spread < 0.05,
        )
    )


def adjacent(rows: list[Row]) -> None:
    """E16: disc pressure and endplate bulge beside a filled body."""
    pressure, tall = [], []
    bulge: list[float] = []
    away: list[float] = []
    for seed in SEEDS:
        model = build_segment_model(spine(seed), "L1", voxel_mm=VOXEL_MM)
        body = model.body_of(model.level)
        tall.append(float(np.ptp(np.nonzero(body)[2]) + 1) * VOXEL_MM)
        for cement, into in ((body, bulge), (_away_from_ends(body, AWAY_MM), away)):
            after, _ = partly_filled(
                model.model.modulus, np.zeros(body.shape), model.model.poisson, cement.astype(float), acrylic()
            )
            effects = compare_neighbours(model, model.model.modulus, after)
            into += [effect.endplate_bulge for effect in effects if effect.endplate_bulge is not None]
            if into is bulge:
                pressure += [effect.disc_pressure for effect in effects]
    more = 100 * (float(np.mean(pressure)) - 1)
    rows.append(
        Row(
            "E16",
            "plausibility",
            "pressure in the discs beside a body filled whole",
            "+19 %",
            "+5 to +25 %",
            f"{more:+.1f} %",
            5 <= more <= 25,
            "ends stay level here, and the bone was whole before",
        )
    )
    touching, off = float(np.mean(bulge)), float(np.mean(away))
    deep = 100 * AWAY_MM / (float(np.mean(tall)) / 2)
    rows.append(
        Row(
            "E16",
            "plausibility",
            "endplate bulge over that before: cement at the endplate; 5 mm away",
            "0.07",
            "under 0.3; over 0.5",
            f"{touching:.2f}; {off:.2f}",
            abs(touching) < 0.3 and off > 0.5,
            f"5 mm away is a limit of any even body: an endplate sinks by what lies under it, and 5 mm are {deep:.0f} "
            "% of the half height that sinks in the bare body, and the slab holds the layer; below 0: the "
            "rim sinks around a middle that cement holds up",
        )
    )


def _away_from_ends(body: np.ndarray, away_mm: float) -> np.ndarray:
    """Voxels of a body that lie this far from both of its ends, column by column."""
    height = np.indices(body.shape)[2]
    foot, head = body.argmax(axis=2), body.shape[2] - 1 - body[..., ::-1].argmax(axis=2)
    layers = away_mm / VOXEL_MM
    return np.asarray(body & (height - foot[..., None] >= layers) & (head[..., None] - height >= layers))


def creep(rows: list[Row]) -> None:
    """E21 (calibration) and E22 (its intact arm calibration, the others validation)."""
    law = CreepLaw(measured_ratio())
    wedge, stiff = [], []
    intact: list[float] = []
    broken: list[float] = []
    treated: list[float] = []
    less_by_volume: dict[float, list[float]] = {volume: [] for volume in (2.0, 4.0)}
    for body in bodies():
        forward = line_of_standing(body.creep_whole)
        height = body.bone.height_mm
        back, front = body.creep_whole.reach_mm[:2]
        ahead, behind = shortening(body.creep_whole, StandingLoad(1500.0, 0.0, forward), law, 2.0)
        wedge.append((1e6 * ahead / height, 1e6 * behind / height, np.degrees((ahead - behind) / (front - back))))
        stiff.append(body.whole.stiffness_n_per_mm)
        load = StandingLoad(1000.0, 0.0, forward)
        cement = two_balls(body, 6.0)
        filled = filled_with_cement(body.body.pressed_bone, cement)
        inside = averaged_on(cement, filled.density.geometry)
        soft = find_creep_compliance(filled, np.asarray(body.body.damage.field), creeps=1 - inside)
        for compliance, into in ((body.creep_whole, intact), (body.creep_broken, broken), (soft, treated)):
            into.append(shortening(compliance, load, law, 1.0)[0] / height)
        for volume, into in less_by_volume.items():
            cement = two_balls(body, volume)
            filled = filled_with_cement(body.body.pressed_bone, cement)
            inside = averaged_on(cement, filled.density.geometry)
            soft = find_creep_compliance(filled, np.asarray(body.body.damage.field), creeps=1 - inside)
            into.append(100 * (1 - shortening(soft, load, law, 1.0)[0] / height / broken[-1]))
    front, rear, degrees = np.mean(wedge, axis=0)
    tall = float(np.mean([body.bone.height_mm for body in bodies()]))
    rows.append(
        Row(
            "E21",
            "calibration",
            "creep after 2 h at 1500 N, front and back [microstrain]; wedge [deg]",
            "2867, 1164; 0.01 to 0.3",
            "front 700 to 5500, more than back; 0.01 to 0.3",
            f"{front:.0f}, {rear:.0f}; {degrees:.2f}",
            bool(700 <= front <= 5500 and front > rear and 0.01 <= degrees <= 0.3),
            "the ratio of creep to elastic strain is theirs; the elastic strain is 2.4 times theirs: by hand, 1500 N "
            f"over the mean of their 2018 and 1675 microstrain on {tall:.0f} mm are "
            f"{1500 / (1846.5e-6 * tall) / 1000:.0f} kN/mm, and ours is {np.mean(stiff) / 1000:.0f}. "
            "Their motion segments pass part of the force through the arch, which this body has not. "
            "The height here is that between platens, with some mm of caps: over the bone alone (28 of 32 mm in one "
            "body) ours is 1.14 times as much, further out",
        )
    )
    ratio = float(np.mean(np.array(broken) / np.array(intact)))
    less = 100 * (1 - float(np.mean(np.array(treated) / np.array(broken))))
    rows.append(
        Row(
            "E22",
            "validation",
            "front creep after 1 h at 1000 N, broken over intact",
            "12",
            "5 to 30",
            f"{ratio:.0f}",
            5 <= ratio <= 30,
            "hangs on the exponent of damage, a bracket (3)",
        )
    )
    rows.append(
        Row(
            "E22",
            "validation",
            "front creep taken away by 6 mL of cement",
            "61 %",
            "40 to 80 %",
            f"{less:.0f} %",
            40 <= less <= 80,
            "cement here does not creep, is bonded, and bridges the soft layer; with less of it "
            + ", ".join(f"{volume:g} mL take away {np.mean(found):.0f} %" for volume, found in less_by_volume.items()),
        )
    )


def page(rows: list[Row]) -> str:
    """The page as Markdown."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    cells = [
        (r.case, r.role, r.what, r.theirs, r.asked, r.ours, "**in**" if r.inside else "**out**", r.why) for r in rows
    ]
    body = "\n".join(f"| {' | '.join(row)} |" for row in cells)
    return f"""# Courses against experiments

Question: do filled, broken and creeping bodies of the [models](../explanation/course.md) answer as specimens did? Ours
are first lumbar bodies of {len(SEEDS)} virtual patients (90 mg/cm³, not broken in shape) at {VOXEL_MM:g} mm; cement is
two balls in the front half. Set on calibration cases: the stiffness a broken body keeps (E02), creep after two hours
and where the force passes (E21). The exponent of damage (3) was chosen beforehand; in the first run it was by mistake
applied once too often, which case E22 showed by a factor of ten, and the formula was then set to the handbook's.

| case | role | what | theirs | asked | ours | in band | why |
|---|---|---|---|---|---|---|---|
{body}

What this does not show: any patient. The untreated year (E26) is not compared: the published rate is of old
deformities over four years, the model is of a fresh fracture.

Made {datetime.now(UTC):%Y-%m-%d} at {commit.stdout.strip() or "unknown commit"} by `python -m tools.validate_course`.
"""


def main() -> None:
    """Run the cases and write the page."""
    rows: list[Row] = []
    for case in (dose, composite, adjacent, creep):
        case(rows)
        print(rows[-1], flush=True)
    PAGE.write_text(page(rows))


if __name__ == "__main__":
    main()
