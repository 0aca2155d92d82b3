"""Usual sizes of vertebrae by level, from the masks of the test data, freed of each person's size.

`python -m tools.shape_table DATA` prints the table of `spondyl.spine.names.shapes` and how far the spines scatter about
it. Sizes in logarithms are taken as a sum of the level's and the person's; the level's is the median over the people,
so that a crushed or badly masked vertebra does not move it where there are three.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from spondyl.spine import Level, Spine, build_spine
from spondyl.spine.names.shapes import BodyShape, measure_shape
from spondyl.studies import read_label_image

MASKS = (
    "healthy-reference-masks/vertebrae_mask.nii.gz",
    "fracture-masks-l2/vertebrae_mask.nii.gz",
    "lidc-0001-thoracic/vertebrae_auto.nii.gz",
    "ts-lumbar-3mm/vertebrae_auto.nii.gz",
    "tptbox-l3-ct-mr/l3_ct_vertebra_label.nii.gz",
)
LEVELS = [Level(number) for number in range(Level.T1, Level.L5 + 1)]
_ROUNDS = 100


def shapes_of(spine: Spine) -> dict[Level, BodyShape]:
    """Sizes of the whole vertebrae of a spine with labels."""
    bodies = [(v, v.body.geometry.points(np.argwhere(v.body.array))) for v in spine if v.body is not None]
    centres = [points.mean(axis=0) for _, points in bodies]
    found = {}
    for i, (vertebra, points) in enumerate(bodies):
        arch = vertebra.arch
        if vertebra.is_cut or arch is None or len(bodies) < 2 or vertebra.level not in LEVELS:
            continue
        cranial = centres[max(i - 1, 0)] - centres[min(i + 1, len(bodies) - 1)]
        shape = measure_shape(points, arch.geometry.points(np.argwhere(arch.array)), cranial)
        if shape is not None:
            found[vertebra.level] = shape
    return found


def fit(people: list[dict[Level, float]]) -> tuple[list[float], float, float]:
    """Usual size of each level, and the standard deviations of people's sizes and of what is left, in logarithms."""
    logs = np.array([[np.log(person.get(level, np.nan)) for level in LEVELS] for person in people])
    size = np.zeros(len(people))
    for _ in range(_ROUNDS):
        usual = np.nanmedian(logs - size[:, None], axis=0)
        size = np.nanmedian(logs - usual, axis=1)
        size -= size.mean()
    left = logs - size[:, None] - usual
    free = np.isfinite(left).sum() - len(LEVELS) - len(people) + 1
    return np.exp(usual).tolist(), float(size.std(ddof=1)), float(np.sqrt(np.nansum(left**2) / free))


def main() -> None:
    """Print the table."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data")
    people = [shapes_of(build_spine(None, labels=read_label_image(data / mask), label_map="verse")) for mask in MASKS]
    for name in ("width", "depth", "pedicles"):
        known = [
            {level: sizes[name] for level, shape in person.items() if name in (sizes := shape.sizes())}
            for person in people
        ]
        usual, size_sd, level_sd = fit(known)
        row = ", ".join(f"{mm:.1f}" for mm in usual)
        print(f'"{name}": ({row}),\n  people {size_sd:.3f}, levels {level_sd:.3f}, n = {sum(map(len, known))}')


if __name__ == "__main__":
    main()
