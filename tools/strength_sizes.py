"""How strength depends on voxel size, on vertebrae of real CTs; writes docs/validation/strength-voxels.md.

Run as `python -m tools.strength_sizes [--rows FILE.jsonl]`: rows that are in the file already are not made again, nor
are those of docs/validation/strength-voxels.jsonl where none is named.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from spondyl.app.warm import warm_up
from spondyl.simulation import build_bone_model, estimate_strength, press_bone
from spondyl.spine import Spine, build_spine
from spondyl.studies import Patient, read_study
from tools.strength_runs import DATA, energy_of, one_calibration, spine_of

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "strength-voxels.md"
ROWS = PAGE.with_suffix(".jsonl")
RIDER = "rider-pilot-0117-thoracic"  # no labels: its own segmenter's; its level cannot be told, so it is called T9
CASES = (("tptbox-l3-ct-mr", "L3"), ("lidc-0001-thoracic", "T12"), (RIDER, "T9"))
RUNS = (("cement", 2.0), ("disc", 2.0), ("cement", 1.5), ("cement", 1.0), ("cement", 0.75))


@dataclass(frozen=True)
class Row:
    """One vertebra at one voxel size."""

    case: str
    level: str
    ends: str
    voxel_mm: float
    ct_mm: float  # coarsest spacing of the CT
    grade: int  # of the density
    voxels: int
    stiffness_n_per_mm: float
    failure_n: float
    cpu_seconds: float  # of the path and the linear answer, on one thread
    energy_kev: float | None  # of the calibration by tissues; None: a nominal line was used

    @property
    def upsampled(self) -> bool:
        """Whether the voxels are finer than the CT's."""
        return self.voxel_mm < self.ct_mm - 1e-6


@cache
def spine(case: str) -> Spine:
    """The spine of a case."""
    if case != RIDER:
        return spine_of(case)
    return build_spine(read_study(DATA / case / "ct.nii.gz", Patient()), anchors=("T9=label:2",))


def measure(case: str, level: str, ends: str, voxel_mm: float) -> Row:
    """Build the model and press it."""
    found = spine(case)
    assert found.ct is not None
    bone = build_bone_model(found, level, voxel_mm=voxel_mm, ends=ends)
    begun = time.process_time()
    strength = estimate_strength(bone, path=press_bone(bone))
    seconds = time.process_time() - begun
    coarsest = float(found.ct.geometry.spacing_mm.max())
    return Row(
        case,
        level,
        ends,
        voxel_mm,
        coarsest,
        bone.calibration.grade,
        strength.voxels,
        strength.stiffness_n_per_mm,
        strength.failure_n,
        seconds,
        energy_of(found),
    )


def read_rows(path: Path) -> list[Row]:
    """The rows of a file."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def make_rows(path: Path) -> list[Row]:
    """All rows, the missing ones measured and added to the file."""
    warm_up()  # so that no row's time is the compiler's
    rows = read_rows(path)
    made = {(row.case, row.ends, row.voxel_mm) for row in rows}
    for ends, size in RUNS:
        for case, level in CASES:
            if (case, ends, size) in made or (size < 1 and case != RIDER):
                continue
            rows.append(measure(case, level, ends, size))
            with path.open("a") as stream:
                stream.write(json.dumps(asdict(rows[-1])) + "\n")
            print(case, ends, size, f"{rows[-1].failure_n:.0f} N, {rows[-1].cpu_seconds:.1f} s", flush=True)
    return rows


def table(rows: list[Row]) -> str:
    """One line a model, each beside the same vertebra at 2 mm between cement."""
    coarse = {row.case: row for row in rows if (row.ends, row.voxel_mm) == ("cement", 2.0)}
    lines = [
        "| case | level | CT mm | grade | ends | edge mm | voxels | K kN/mm | of 2 mm | F kN | of 2 mm | CPU s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: ([case for case, _ in CASES].index(row.case), row.ends, -row.voxel_mm)):
        base = coarse[row.case]
        size = f"{row.voxel_mm:g}{' upsampled' if row.upsampled else ''}"
        lines.append(
            f"| {row.case} | {row.level} | {row.ct_mm:.2g} | {row.grade} | {row.ends} | {size} | {row.voxels} "
            f"| {row.stiffness_n_per_mm / 1000:.1f} | {row.stiffness_n_per_mm / base.stiffness_n_per_mm:.2f} "
            f"| {row.failure_n / 1000:.2f} | {row.failure_n / base.failure_n:.2f} | {row.cpu_seconds:.1f} |"
        )
    return "\n".join(lines)


def page(rows: list[Row]) -> str:
    """The page of these rows."""
    return f"""# Strength by voxel size

Question: how do stiffness and failure load of the same vertebra change with the voxels of the model? Bodies of real
CTs, pressed by the crushable law to 2 % in ten steps, between cement caps; between discs at 2 mm. Masks of the first
two are the automatic ones of the data set, that of the last is the own segmenter's; its level cannot be told from the
image, T9 is a name given by hand. Densities of grade 4 and 5 come from a nominal line: compare within a vertebra only.

{table(rows)}

'Upsampled': voxels finer than the CT's coarsest spacing, which add steps to the shape but no detail of density.

What this does not show: which of the values is nearer to the bone. Finer voxels follow the mask's border better,
average density over less, and let thin bands of failure form; caps are 2 mm thick, in whole voxels. Times are of a
shared machine and say no more than an order.

Where the time goes, rider-pilot at 0.75 mm by a profile (2026-11-28, one thread, 96,410 voxels): 2.8 CPU s for the
model, 22.2 for the path, 1.5 for the linear answer. The path is 51 Newton steps and 523 linear iterations, at 1 mm 43
and 392, so that it grows little faster than the voxels; seven tenths of its time are linear iterations, a sixth finds
stresses. The 98 CPU s that this page told before were of an earlier solver. A third of a first run at 1 mm was the
compiler's, so the solver is compiled now before anything is timed.

Made {datetime.now(UTC):%Y-%m-%d} by `python -m tools.strength_sizes`.
"""


def main() -> None:
    """Make the rows and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=Path, default=ROWS)
    options = parser.parse_args()
    rows = make_rows(options.rows)
    one_calibration((row.case, row.energy_kev) for row in rows)
    PAGE.write_text(page(rows))


if __name__ == "__main__":
    main()
