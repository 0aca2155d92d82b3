"""Whether the interval of a strength holds the truth: usual scans of virtual patients beside fine, calibrated ones.

Run as `python -m tools.strength_coverage OUT.jsonl [--patients 3]`: rows that are there already are not made again.
Behind docs/validation/strength.md. Law and model are the same on both sides: only density and border are tested.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import hypot, log
from pathlib import Path
from unittest.mock import patch

import numpy as np

from spondyl.evidence.attenuation import mass_attenuation
from spondyl.findings import find_calibration
from spondyl.findings.calibration import Calibration
from spondyl.findings.density import GradedCalibration
from spondyl.simulation import bone as bone_module
from spondyl.simulation import build_bone_model, estimate_borders, estimate_strength, press_bone
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient
from tools.strength_runs import mineral_of

LEVELS = Level.T12, Level.L1, Level.L2
STEPS_MM = 1.0, 1.5, 2.5
FINE_MM, ENERGY_KEV = 0.8, 70.0
PATIENTS = 3


@dataclass(frozen=True)
class Seen:
    """One body by a usual scan, and in truth."""

    seed: int
    level: str
    step_mm: float
    energy_kev: float  # as the tissues gave it; 70 in truth
    failure_n: float
    true_n: float
    density_sd: float  # of ln F
    border_sd: float

    @property
    def off(self) -> float:
        """Of ln F, in standard deviations of density and border."""
        return log(self.failure_n / self.true_n) / hypot(self.density_sd, self.border_sd)


def drawn(seed: int) -> tuple[np.ndarray, float]:
    """Densities of the bodies as a CT reads them, between 40 and 170 mg/cm³, and the step of the slices. [mm]"""
    generator = np.random.default_rng(1000 + seed)
    return generator.uniform(40, 170, len(LEVELS)), float(generator.choice(STEPS_MM))


def spine_of(seed: int, scan: ScanSpec) -> Spine:
    """A virtual patient of a seed."""
    read, _ = drawn(seed)
    bodies = {level: VertebraSpec(density_mg_cm3=mineral_of(rho)) for level, rho in zip(LEVELS, read, strict=True)}
    spec = VirtualSpineSpec(levels=LEVELS, scan=scan, vertebrae=bodies)
    patient = make_virtual_patient(spec, np.random.default_rng(seed))
    study = Study(patient.ct, Scan(kvp=120.0, contrast=False), Patient())
    return build_spine(study, labels=LabelImage(patient.labels, None), label_map="verse")


def exact(graded: GradedCalibration) -> GradedCalibration:
    """The line of the energy that the patient was made with."""
    water = float(mass_attenuation("water", ENERGY_KEV))
    return replace(graded, calibration=Calibration(ENERGY_KEV, 0.0, water / 1000, water, 1.0, {}))


def measure(seed: int) -> list[Seen]:
    """The bodies of one patient."""
    step = drawn(seed)[1]
    scan = partial(
        ScanSpec, in_plane_mm=FINE_MM, margin_side_mm=10.0, margin_front_mm=25.0, margin_back_mm=10.0,
        margin_head_mm=15.0, margin_foot_mm=15.0,
    )  # fmt: skip
    seen, fine = (
        spine_of(seed, scan(slice_step_mm=step, noise_hu=20.0)),
        spine_of(seed, scan(slice_step_mm=FINE_MM, noise_hu=0.0)),
    )
    graded = find_calibration(seen)
    rows = []
    for level in LEVELS:
        bone = build_bone_model(seen, level)
        found = estimate_strength(bone, path=press_bone(bone), borders=estimate_borders(seen, bone))
        with patch.object(bone_module, "find_calibration", lambda _: exact(graded)):
            truth = build_bone_model(fine, level)
        true = estimate_strength(truth, path=press_bone(truth))
        sd = {cause.name: cause.sd for cause in found.causes}
        energy = graded.calibration.energy_kev if graded.calibration else float("nan")
        rows.append(
            Seen(
                seed, level.name, step, energy, found.failure_n, true.failure_n, sd["density"],
                sd.get("border of the labels", 0.0),
            )
        )  # fmt: skip
    return rows


def read_rows(path: Path) -> list[Seen]:
    """The rows of a file."""
    return [Seen(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def make_rows(path: Path, patients: int) -> list[Seen]:
    """All rows, the missing ones measured and added to the file."""
    made = {row.seed for row in read_rows(path)}
    for seed in sorted(set(range(patients)) - made):
        lines = [json.dumps(asdict(row)) + "\n" for row in measure(seed)]
        with path.open("a") as stream:
            stream.writelines(lines)
        print("".join(lines), end="", flush=True)
    return read_rows(path)


def main() -> None:
    """Make the rows that are missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--patients", type=int, default=PATIENTS)
    options = parser.parse_args()
    make_rows(options.out, options.patients)


if __name__ == "__main__":
    main()
