"""Experiment behind docs/validation/density.md: energy and density that tissues give, by the slices of the scan.

Run as `python -m tools.validate_density`; `make validate` runs it with the other experiments.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from statistics import fmean

import numpy as np

from spondyl.findings import Finding, measure_density
from spondyl.findings.calibration import DISPLACED_CM3_G
from spondyl.spine import Level, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import Kernel, ScanSpec, VirtualSpineSpec, make_virtual_patient, trabecular_hu
from spondyl.synthetic.tissues import linear_attenuation

STEPS_MM = 1.0, 1.5, 2.5, 3.0, 4.0, 5.0
KERNELS = Kernel.STANDARD, Kernel.SMOOTH
ENERGIES_KEV = 61.0, 70.0, 78.0
FIRST_SEED = 4000  # the three figures of the cortex were set on a patient of seed 1
PAGE = Path(__file__).parents[1] / "docs" / "validation" / "density.md"
COMMAND = "python -m tools.validate_density"


@dataclass(frozen=True)
class Row:
    """One scan of a patient of its own."""

    step_mm: float
    kernel: str
    energy_kev: float
    grade: float
    read_kev: float | None  # None: refused
    seen_kev: tuple[float, float] | None  # 95 % interval
    density: float
    interval: tuple[float, float]
    true_density: float

    @property
    def energy_held(self) -> bool:
        """Whether the interval of the energy holds the truth."""
        return self.seen_kev is not None and self.seen_kev[0] <= self.energy_kev <= self.seen_kev[1]

    @property
    def density_held(self) -> bool:
        """Whether the interval of the density holds the truth."""
        return self.interval[0] <= self.true_density <= self.interval[1]


def measure(seed: int, step_mm: float, kernel: Kernel, energy_kev: float) -> Row:
    """Energy and density of the one body of a patient: level, density, shell and pixels are drawn."""
    generator = np.random.default_rng(seed)
    level = (Level.T11, Level.L1, Level.L3)[int(generator.integers(3))]
    mineral, shell, pixel = (float(generator.uniform(*ends)) for ends in ((70, 200), (0.3, 0.9), (0.5, 0.95)))
    scan = ScanSpec(
        in_plane_mm=pixel, slice_step_mm=step_mm, kernel=kernel, energy_kev=energy_kev, noise_hu=15.0,
        margin_side_mm=10.0, margin_front_mm=60.0, margin_back_mm=30.0,
    )  # fmt: skip
    # without variation within the body the density of any region in it is known
    spec = VirtualSpineSpec(
        levels=(level,), scan=scan, density_mg_cm3=mineral, density_variation=0.0, shell_mm=shell
    )  # fmt: skip
    made = make_virtual_patient(spec, generator)
    study = Study(made.ct, Scan(kvp=120.0, contrast=False), Patient())
    found = {
        f.name: f for f in measure_density(build_spine(study, labels=LabelImage(made.labels, None), label_map="verse"))
    }
    energy, density = found["calibration_energy"], found["trabecular_density"]
    return Row(
        step_mm, kernel, energy_kev, _number(found["density_grade"]),
        None if energy.value is None else _number(energy), None if energy.value is None else _interval(energy),
        _number(density), _interval(density), true_density(mineral, energy_kev),
    )  # fmt: skip


def true_density(mineral_mg_cm3: float, energy_kev: float) -> float:
    """K2HPO4 in water that has the CT number of this mineral in yellow marrow. [mg/cm³]"""
    water, salt = linear_attenuation("water", energy_kev), linear_attenuation("k2hpo4", energy_kev) / 2.44
    return float(trabecular_hu(mineral_mg_cm3, energy_kev, 1.0)) * water / (salt - DISPLACED_CM3_G * water)


def _number(finding: Finding) -> float:
    assert isinstance(finding.value, float)
    return finding.value


def _interval(finding: Finding) -> tuple[float, float]:
    assert finding.low is not None and finding.high is not None
    return finding.low, finding.high


def lines(rows: list[Row]) -> Iterator[str]:
    """Rows of the table, by slices and kernel."""
    for step, kernel in product(STEPS_MM, KERNELS):
        chosen = [row for row in rows if (row.step_mm, row.kernel) == (step, kernel)]
        read = [row for row in chosen if row.read_kev is not None]
        off = [row.read_kev - row.energy_kev for row in read if row.read_kev is not None]
        half = [(row.seen_kev[1] - row.seen_kev[0]) / 2 for row in read if row.seen_kev is not None]
        ratio = [row.density / row.true_density for row in chosen]
        wide = [(row.interval[1] - row.interval[0]) / 2 / row.density for row in chosen]
        energy = f"{min(off):+.0f} to {max(off):+.0f} | {fmean(half):.0f}" if read else "- | -"
        yield (
            f"| {step:g} | {kernel} | {len(read)} of {len(chosen)} | {energy} | "
            f"{sum(row.energy_held for row in read)} of {len(read)} | {min(ratio):.2f} to {max(ratio):.2f} | "
            f"{100 * fmean(wide):.0f} % | {sum(row.density_held for row in chosen)} of {len(chosen)} |"
        )


def write_page(rows: list[Row]) -> None:
    """The page with its table, date and commit."""
    state = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=7"], capture_output=True, text=True, check=True
    ).stdout.strip()
    off = [row.read_kev - row.energy_kev for row in rows if row.read_kev is not None]
    PAGE.write_text(_PAGE.format(
        count=len(rows), table="\n".join(lines(rows)), mean=fmean(off), sd=float(np.std(off)), command=COMMAND,
        ratio=fmean(row.density / row.true_density for row in rows), date=datetime.now(UTC).date(), state=state,
    ))  # fmt: skip


_PAGE = """# Density by the patient's tissues

Question: what do energy and density come out as where slices are too thick to hold a whole cortex, and do the
intervals hold the truth? {count} scans of one virtual body each, a patient of its own for every one: effective
energies of 61, 70 and 78 keV, level, mineral (70 to 200 mg/cm³), shell (0.3 to 0.9 mm) and pixels (0.5 to 0.95 mm)
drawn, noise of 15 HU, slices as thick as their step. True density is that of K2HPO4 in water of the same CT number.

| slices mm | kernel | calibrated | energy off, keV | ± keV | truth held | density, of the truth | ± | truth held |
|---|---|---|---|---|---|---|---|---|
{table}

Over all, energies are off by {mean:+.1f} ± {sd:.1f} keV (mean and standard deviation), densities {ratio:.2f} of the
truth on average. ± is half a 95 % interval.

## How the cortex is raised

Only cortical bone tells one energy from another, and its brightest voxels are never whole cortex. Of a sheet of
thickness T, Gaussian blur s leaves erf(T / (√8 s)) of the contrast in its middle. s is the bracket of the kernels (0.5
to 0.75 mm) with that of a pixel (its width over √12); T is 1.35 mm, and up to 1.5 mm more where slices are thin enough
to see the places where sheets meet: T = 1.35 + 1.5 exp(-(h / 1.3)²) mm for slices of h mm. What is seen is raised by
that share. With the doubts of the kernel, of T (a fifth) and of porosity (a tenth) the energy is known to some ±15
keV at 1 mm and ±20 keV and more from 1.5 mm on. Less than half of the contrast left: no calibration by tissues.

The three figures of T were set on 42 scans of one virtual patient (seed 1, 70 keV, pixels 0.4, 0.7 and 1 mm, slices
0.6 to 5 mm, both kernels), which they meet within 49 HU (one standard deviation). No real scan took part.

Taken as it is seen, as before, the brightest bone gave energies of 73 keV at 1 mm, 81 at 1.5, 87 at 2.5 and 91 at 5 mm
where 70 was true (standard kernel, pixels of 0.7 mm), and 78 to 123 keV with the smooth kernel: densities too high,
toward the reassuring side.

## What this does not show

How thick a real cortex is where it is thickest, and how porous: these are the virtual patients' own. A thicker one
makes energies and densities too low, a porous one too high. That bone, marrow and fat of people are those of the
tables: fat of real scans reads -100 to -108 HU here, where the table gives -78 at 68 keV.

Made {date} at {state} by `{command}`.
"""


def main() -> None:
    """Measure and write the page."""
    cases = enumerate(product(STEPS_MM, KERNELS, ENERGIES_KEV))
    rows = [measure(FIRST_SEED + number, *case) for number, case in cases]
    write_page(rows)
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
