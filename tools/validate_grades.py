"""Experiment behind docs/validation/grades.md: is a moderate deformity ever missed, a whole body ever called broken?

Run as `python -m tools.validate_grades`; `make validate` runs it with the other experiments.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spondyl.findings import find_deformities
from spondyl.spine import Level, build_spine
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import (
    Deformity,
    ScanSpec,
    VertebraSpec,
    VirtualSpineSpec,
    make_virtual_patient,
    perturbed_labels,
)

LEVELS = tuple(Level(n) for n in range(Level.T10, Level.L5 + 1))
MODERATE = (0.27, 0.38)  # loss of height; grade 2 is from 25 to 40 % (genant1993)
PATIENTS = 15  # with two moderate deformities each
MASKS = ("true", "eroded", "smoothed")
PAGE = Path(__file__).parents[1] / "docs" / "validation" / "grades.md"


@dataclass(frozen=True)
class Call:
    """The grade given to one body."""

    slice_mm: float
    mask: str
    level: str
    shape: str | None  # of the true deformity; None: whole
    grade: int | None  # None: not evaluable
    chance_of_two_or_more: float


def deformity(shape: str, loss: float) -> Deformity:
    """A moderate deformity of a shape."""
    kept = 1 - loss
    return {
        "wedge": Deformity(kept, (1 + kept) / 2, 1.0),
        "biconcave": Deformity(0.96, kept, 0.97, superior_share=0.5),
        "crush": Deformity(kept, kept, kept + 0.03, superior_share=0.6),
    }[shape]


def calls(number: int) -> list[Call]:
    """Grades of all bodies of one virtual patient, with each kind of mask."""
    generator = np.random.default_rng(500 + number)
    slice_mm = (1.0, 2.0, 3.0)[number % 3]
    shapes = ("wedge", "biconcave", "crush")
    first = int(generator.integers(0, 3))
    broken = {
        LEVELS[k]: deformity(shapes[(number + j) % 3], float(generator.uniform(*MODERATE)))
        for j, k in enumerate((first, first + 4))
    }
    spec = VirtualSpineSpec(
        levels=LEVELS,
        scan=ScanSpec(
            in_plane_mm=0.8, slice_step_mm=slice_mm, tilt_deg=float(generator.uniform(-15, 15)), noise_hu=20.0,
            margin_side_mm=10.0, margin_front_mm=25.0, margin_back_mm=10.0, margin_head_mm=15.0, margin_foot_mm=15.0,
        ),
        vertebrae={level: VertebraSpec(deformity=shape) for level, shape in broken.items()},
        cobb_deg=float(generator.uniform(0, 12)),
    )  # fmt: skip
    patient = make_virtual_patient(spec, generator)
    study = Study(patient.ct, Scan(), Patient())
    found = []
    for mask in MASKS:
        labels = patient.labels if mask == "true" else perturbed_labels(patient.labels, mask, slice_mm / 2)[0]
        spine = build_spine(study, labels=LabelImage(labels, None), label_map="verse")
        findings = {(f.level, f.name): f for f in find_deformities(spine)}
        for level in LEVELS:
            grade = findings[level, "genant_grade"].value
            chances = [findings.get((level, f"genant_grade_probability_{g}")) for g in (2, 3)]
            chance = sum(float(f.value) for f in chances if f is not None and f.value is not None)
            truth = patient.truth[level].deformity
            found.append(Call(slice_mm, mask, level.name, truth, None if grade is None else int(grade), chance))
    return found


def rows(found: list[Call]) -> Iterator[str]:
    """Lines of the table, by slice spacing and mask."""
    for slice_mm in sorted({c.slice_mm for c in found}):
        for mask in MASKS:
            chosen = [c for c in found if (c.slice_mm, c.mask) == (slice_mm, mask)]
            broken, whole = ([c for c in chosen if (c.shape is not None) is is_broken] for is_broken in (True, False))
            cells = [_share(broken, grades) for grades in ((2, 3), (1,), (0,), (None,))]
            cells += [_share(whole, grades) for grades in ((0,), (1,), (2, 3), (None,))]
            yield f"| {slice_mm:g} mm | {mask} | " + " | ".join(cells) + " |"


def _share(chosen: list[Call], grades: tuple[int | None, ...]) -> str:
    return f"{sum(c.grade in grades for c in chosen)} of {len(chosen)}"


def missed(found: list[Call]) -> list[str]:
    """Moderate deformities called less than grade 2, in words."""
    return [
        f"{c.level}, {c.shape}, {c.slice_mm:g} mm, {c.mask} mask: grade {c.grade}, "
        f"chance of grade 2 or more {c.chance_of_two_or_more:.2f}"
        for c in found
        if c.shape is not None and c.grade not in (2, 3)
    ]


def write_page(found: list[Call], seconds: float) -> None:
    """The validation page of grades."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    below = "\n".join(f"- {line}" for line in missed(found)) or "- none"
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(
        f"""# Grades against virtual patients

Question: is a moderate deformity ever missed, or a whole body called broken?

{PATIENTS} virtual patients (`spondyl.synthetic`) T10-L5 with two moderate deformities each ({2 * PATIENTS} in all:
wedge, biconcave, crush; height loss drawn from {MODERATE[0]:.0%} to {MODERATE[1]:.0%}), tilted to 15 degrees,
scoliosis to 12 degrees, noise 20 HU. Masks are the true ones, and those eroded or smoothed by
half the slice spacing. The references are the patient's other levels; nothing of the truth is given.

Columns give the grade that was called; n.e. is not evaluable.

| slices | mask | broken: 2-3 | 1 | 0 | n.e. | whole: 0 | 1 | 2-3 | n.e. |
|---|---|---|---|---|---|---|---|---|---|
{chr(10).join(rows(found))}

Called less than grade 2:

{below}

What this does not show: real anatomy, fractures older than the neighbours' own changes, masks with holes.

Made {datetime.now(UTC):%Y-%m-%d} at {commit.stdout.strip() or "unknown commit"} in {seconds / 60:.0f} min by
`make validate`.
"""
    )


def main() -> None:
    """Run the experiment and write its page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    start = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        found = [call for part in pool.map(calls, range(PATIENTS)) for call in part]
    write_page(found, time.perf_counter() - start)
    print(PAGE.read_text())


if __name__ == "__main__":
    main()
