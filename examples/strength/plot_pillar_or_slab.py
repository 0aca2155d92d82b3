"""
A pillar or a slab of cement
============================

The same cement can join two endplates as a pillar, lie between them as a slab, or float as a short block. How stiff is
the body in each case?

A block of bone of 20 x 20 x 30 mm (300 MPa) has a fifth of it filled with cement-like material (2300 MPa), pressed
between smooth platens; Poisson's ratio is 0, so that the limits are the textbook's (case A02 of the validation list): a
pillar over the whole height adds up as springs side by side, 700 MPa; a slab over the whole width as springs in a row,
363.2 MPa. A shorter pillar of the same volume lies between.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spondyl.simulation import load_between_platens
from spondyl.space import Geometry, Volume

SHAPE = 10, 10, 15  # voxels of 2 mm
BONE, CEMENT, SHARE = 300.0, 2300.0, 0.2
HEIGHTS = 15, 12, 9, 6  # of the pillar, in voxels; its cross-section grows as it gets shorter

# %%
# Columns of the grid are filled from the middle outwards until the share of the volume is reached.


def filled(height: int) -> np.ndarray:
    """Moduli with a pillar of this height in the middle; 3 voxels high and as wide as the block it is a slab."""
    modulus = np.full(SHAPE, BONE)
    low = (SHAPE[2] - height) // 2
    count = round(SHARE * modulus.size / height)
    away = np.hypot(*(np.indices(SHAPE[:2]) - 4.5 + 0.01 * np.arange(1, 3)[:, None, None])).ravel()
    columns = np.argsort(away, kind="stable")[:count]
    modulus.reshape(-1, SHAPE[2])[columns, low : low + height] = CEMENT
    return modulus


def apparent_modulus(modulus: np.ndarray) -> float:
    """Of the whole block. [MPa]"""
    geometry = Geometry(np.diag([2.0, 2.0, 2.0, 1.0]), SHAPE)
    ends = np.zeros(SHAPE, np.uint8)
    ends[..., -1], ends[..., 0] = 6, 5
    found = load_between_platens(
        Volume(modulus, geometry, "MPa"), Volume(ends, geometry, "1"),
        top=6, bottom=5, displacement_mm=-0.3, lateral="free", poisson=0.0,
    )  # fmt: skip
    return found.stiffness_n_per_mm * 30.0 / 400.0


def table() -> dict[str, float]:
    """Apparent modulus of each way to place the cement."""
    found = {f"pillar of {2 * height} mm": apparent_modulus(filled(height)) for height in HEIGHTS}
    return {**found, "slab": apparent_modulus(filled(3)), "no cement": apparent_modulus(np.full(SHAPE, BONE))}


# %%
# Three millimetres of bone left at either end take more than a third of what the pillar adds: distribution counts.


def draw(found: dict[str, float]) -> Figure:
    """One mark a way, with the two limits."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(list(found), list(found.values()), "o", markersize=8)
    for limit, words in ((700.0, "side by side"), (363.2, "in a row")):
        axes.axhline(limit, color="0.5", linestyle="--")
        axes.text(5.2, limit + 8, words, ha="right")
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(280, 740)
    axes.set_ylabel("apparent modulus [MPa]")
    return figure


if __name__ == "__main__":
    draw(table()).savefig("pillar_or_slab.png", dpi=150)
