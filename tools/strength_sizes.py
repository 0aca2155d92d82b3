"""How strength depends on voxel size, on vertebrae of real CTs; writes docs/validation/strength-voxels.md.

Run as `python -m tools.strength_sizes [--rows FILE.jsonl]`: rows that are in the file already are not made again, nor
are those of docs/validation/strength-voxels.jsonl where none is named. Delete a line to have it measured again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from spondyl.app.warm import warm_up
from spondyl.simulation import build_bone_model, estimate_strength, press_bone
from spondyl.spine import Spine, build_spine
from spondyl.studies import Patient, read_study
from tools.strength_runs import DATA, energy_of, one_calibration, spine_of, usable_levels

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "strength-voxels.md"
ROWS = PAGE.with_suffix(".jsonl")
RIDER = "rider-pilot-0117-thoracic"  # no labels: its own segmenter's; its level cannot be told, so it is called T9
CASES = ("tptbox-l3-ct-mr", "lidc-0001-thoracic", RIDER)
RUNS = (("cement", 2.0), ("disc", 2.0), ("cement", 1.5), ("cement", 1.0), ("cement", 0.75))
COARSE = ("cement", 2.0)  # what the others are compared with
ENDS = {"cement": "caps", "disc": "discs"}


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
    model_seconds: float | None  # CPU, of all threads: the model out of the spine; None: not taken down
    path_seconds: float | None  # the load path
    linear_seconds: float | None  # the linear estimates beside it
    cycles: int | None  # of multigrid, on the load path
    energy_kev: float | None  # of the calibration by tissues; None: a nominal line was used
    made: str  # day

    @property
    def upsampled(self) -> bool:
        """Whether the voxels are finer than the CT's."""
        return self.voxel_mm < self.ct_mm - 1e-6

    @property
    def run(self) -> tuple[str, float]:
        """Ends and size."""
        return self.ends, self.voxel_mm


@cache
def spine(case: str) -> Spine:
    """The spine of a case."""
    if case != RIDER:
        return spine_of(case)
    return build_spine(read_study(DATA / case / "ct.nii.gz", Patient()), anchors=("T9=label:2",))


def wanted() -> Iterator[tuple[str, str, str, float]]:
    """Case, level, ends and size of every row: all whole levels, of the rider case one; below 1 mm that one alone."""
    for ends, size in RUNS:
        for case in CASES:
            if size < 1 and case != RIDER:
                continue
            levels = ("T9",) if case == RIDER else tuple(usable_levels(spine(case)))
            yield from ((case, level, ends, size) for level in levels)


def measure(case: str, level: str, ends: str, voxel_mm: float) -> Row:
    """Build the model and press it."""
    found = spine(case)
    assert found.ct is not None
    begun = time.process_time()
    bone = build_bone_model(found, level, voxel_mm=voxel_mm, ends=ends)
    built = time.process_time()
    path = press_bone(bone)
    pressed = time.process_time()
    strength = estimate_strength(bone, path=path)
    return Row(
        case,
        level,
        ends,
        voxel_mm,
        float(found.ct.geometry.spacing_mm.max()),
        bone.calibration.grade,
        strength.voxels,
        strength.stiffness_n_per_mm,
        strength.failure_n,
        built - begun,
        pressed - built,
        time.process_time() - pressed,
        path.iterations,
        energy_of(found),
        f"{datetime.now(UTC):%Y-%m-%d}",
    )


def read_rows(path: Path) -> list[Row]:
    """The rows of a file."""
    return [Row(**json.loads(line)) for line in path.read_text().splitlines()] if path.is_file() else []


def make_rows(path: Path) -> list[Row]:
    """All rows, the missing ones measured and added to the file."""
    warm_up()  # so that no row's time is the compiler's
    rows = read_rows(path)
    made = {(row.case, row.level, *row.run) for row in rows}
    for one in wanted():
        if one in made:
            continue
        rows.append(measure(*one))
        with path.open("a") as stream:
            stream.write(json.dumps(asdict(rows[-1])) + "\n")
        print(*one, f"{rows[-1].failure_n:.0f} N", flush=True)
    return rows


def table(rows: Sequence[Row]) -> str:
    """One line a model, each beside the same vertebra at 2 mm between cement."""
    coarse = coarse_rows(rows)
    lines = [
        "| case | level | CT mm | grade | ends | edge mm | voxels | K kN/mm | of 2 mm | F kN | of 2 mm |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    levels = [(row.case, row.level) for row in rows]  # in the order of the rows, top to bottom
    for row in sorted(rows, key=lambda row: (*place(row, levels), row.ends, -row.voxel_mm)):
        base = coarse[row.case, row.level]
        size = f"{row.voxel_mm:g}{' upsampled' if row.upsampled else ''}"
        lines.append(
            f"| {row.case} | {row.level} | {row.ct_mm:.2g} | {row.grade} | {row.ends} | {size} | {row.voxels} "
            f"| {row.stiffness_n_per_mm / 1000:.1f} | {row.stiffness_n_per_mm / base.stiffness_n_per_mm:.2f} "
            f"| {row.failure_n / 1000:.2f} | {row.failure_n / base.failure_n:.2f} |"
        )
    return "\n".join(lines)


def place(row: Row, levels: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Where a vertebra stands in the table."""
    return CASES.index(row.case), levels.index((row.case, row.level))


def coarse_rows(rows: Sequence[Row]) -> dict[tuple[str, str], Row]:
    """The row of each vertebra that its others are compared with."""
    return {(row.case, row.level): row for row in rows if row.run == COARSE}


def changes(rows: Sequence[Row]) -> str:
    """Over the vertebrae: failure load and stiffness over those at 2 mm between cement, mean and range."""
    coarse = coarse_rows(rows)
    lines = ["| ends | edge mm | vertebrae | K of 2 mm | F of 2 mm |", "|---|---|---|---|---|"]
    for run in RUNS:
        some = [row for row in rows if row.run == run != COARSE]
        if not some:
            continue
        pairs = [(row, coarse[row.case, row.level]) for row in some]
        stiff = [row.stiffness_n_per_mm / base.stiffness_n_per_mm for row, base in pairs]
        force = [row.failure_n / base.failure_n for row, base in pairs]
        lines.append(f"| {run[0]} | {run[1]:g} | {len(some)} | {spread(stiff)} | {spread(force)} |")
    return "\n".join(lines)


def missing(rows: Sequence[Row]) -> str:
    """How many models are still to be made of these vertebrae, by size."""
    made = {(row.case, row.level, *row.run) for row in rows}
    counts = {
        (ends, size): sum(
            (size >= 1 or case == RIDER) and (case, level, ends, size) not in made for case, level in coarse_rows(rows)
        )
        for ends, size in RUNS
    }
    told = [f"{count} between {ENDS[ends]} at {size:g} mm" for (ends, size), count in counts.items() if count]
    return f"Not made yet: {', '.join(told)}." if told else "None is left to be made."


def spread(values: Sequence[float]) -> str:
    """Mean and range."""
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def times(rows: Sequence[Row]) -> str:
    """Between cement, by size: CPU seconds of each part and the work of the path, means over the vertebrae."""
    lines = [
        "| edge mm | models | voxels | model CPU s | path CPU s | linear CPU s | cycles of the path "
        "| path, µs per voxel and cycle |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for run in RUNS:
        some = [row for row in rows if row.run == run and run[0] == "cement" and row.cycles]
        if not some:
            continue
        names = ("voxels", "model_seconds", "path_seconds", "linear_seconds", "cycles")
        voxels, model, path, linear, cycles = (np.mean([getattr(row, name) for row in some]) for name in names)
        unit = np.mean([1e6 * (row.path_seconds or 0) / row.voxels / (row.cycles or 1) for row in some])
        lines.append(
            f"| {run[1]:g} | {len(some)} | {voxels:.0f} | {model:.1f} | {path:.1f} | {linear:.1f} | {cycles:.0f} "
            f"| {unit:.2f} |"
        )
    return "\n".join(lines)


def days(rows: Sequence[Row]) -> str:
    """When the rows were made."""
    found = sorted({row.made for row in rows})
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def page(rows: Sequence[Row]) -> str:
    """The page of these rows."""
    return f"""# Strength by voxel size

Question: how do stiffness and failure load of the same vertebra change with the voxels of the model? Bodies of real
CTs, every level that is whole, pressed by the crushable law to 2 % in ten steps, between cement caps; between discs at
2 mm. Masks of the first two are the automatic ones of the data set, that of the last is the own segmenter's; its level
cannot be told from the image, T9 is a name given by hand. Densities of grade 4 and 5 come from a nominal line: compare
within a vertebra only.

{changes(rows)}

Mean over the vertebrae and range. Those of one CT are not independent.
{missing(rows)}

{table(rows)}

'Upsampled': voxels finer than the CT's coarsest spacing, which add steps to the shape but no detail of density.

What this does not show: which of the values is nearer to the bone. Finer voxels follow the mask's border better,
average density over less, and let thin bands of failure form; caps are 2 mm thick, in whole voxels.

## Where the time goes

Means over the models between cement, CPU seconds of all threads, after a warm-up. The machine is shared: they say no
more than an order.

{times(rows)}

Rows made {days(rows)}, page {datetime.now(UTC):%Y-%m-%d}, by `python -m tools.strength_sizes`.
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
