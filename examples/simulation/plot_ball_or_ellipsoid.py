"""
A ball or an ellipsoid of cement
================================

In bone that is alike in all directions cement far thicker than marrow spreads as a ball, and the volume alone tells its
radius. Where bone lets it through more easily along one axis, the ball is stretched. Does the grid give the same?

Case A09: 4 mL/min from a point, porosity 0.9; after a volume V the front lies at (3 V / 4 pi 0.9)^(1/3). With
permeabilities that differ along the axes the front is an ellipsoid whose axes are as the roots of the permeabilities:
in vertebrae 0.78 across for 1 along (baroud2004), so that the cement is 1.13 times as long as wide.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from spondyl.simulation import InjectionResult, Needle, Portion, build_injection_model, inject
from spondyl.simulation.cement import newtonian
from spondyl.space import Geometry, Volume

BALL, POROSITY = 16.0, 0.9  # radius of the bone [mm]
VOLUMES = 0.5, 1.0, 2.0  # mL
ALONG = 1 / 0.78  # permeability along z over that across


def fill(volume_ml: float, along: float = 1.0) -> InjectionResult:
    """Cement a thousand times as thick as marrow, from the middle of a ball of bone, on voxels of 1 mm."""
    half, pose = int(BALL) + 1, np.eye(4)
    pose[:3, 3] = -half
    grid = Geometry(pose, (2 * half + 1,) * 3)
    inside = np.linalg.norm(np.indices(grid.shape) - half, axis=0) <= BALL
    k, share = (Volume(np.where(inside, value, 0.0), grid, unit) for value, unit in ((2e-8, "m2"), (POROSITY, "1")))
    model = build_injection_model(k, share, anisotropy=(1.0, 1.0, along))
    return inject(model, [Portion(Needle((0.0, 0.0, 0.0)), volume_ml, 4.0, 0.0)], newtonian(100.0))


# %%
# The radius along an axis comes from the second moment of the cement, a fifth of its square in an ellipsoid.


def radii(found: InjectionResult) -> np.ndarray:
    """Half axes of the cement. [mm]"""
    places = np.moveaxis(found.geometry.points(np.moveaxis(np.indices(found.saturation.shape), 0, -1)), -1, 0)
    moments = (found.saturation * places**2).sum(axis=(1, 2, 3)) / found.saturation.sum()
    return np.sqrt(5 * moments)


def true_radii(volume_ml: float, along: float = 1.0) -> np.ndarray:
    """The closed form. [mm]"""
    ball = (3 * 1000 * volume_ml / (4 * np.pi * POROSITY)) ** (1 / 3)
    return ball * np.array([1.0, 1.0, along]) ** 0.5 / along ** (1 / 6)


def table() -> list[tuple[float, float, np.ndarray, np.ndarray]]:
    """Volume, ratio of permeabilities, half axes of ours and of the closed form."""
    cases = [(volume, along) for along in (1.0, ALONG) for volume in VOLUMES]
    return [(*case, radii(fill(*case)), true_radii(*case)) for case in cases]


# %%
# On voxels of 1 mm all half axes are right to a tenth of a voxel.


def draw(rows: list[tuple[float, float, np.ndarray, np.ndarray]]) -> Figure:
    """Half axes by volume, lines for the closed form and marks for the grid."""
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    many = np.linspace(0.2, 2.2, 40)
    for axes, along in zip(figure.subplots(1, 2, sharey=True), (1.0, ALONG), strict=True):
        for axis, style, name in ((0, "xb", "across"), (2, "or", "along")):
            axes.plot(many, [true_radii(one, along)[axis] for one in many], style[1], linewidth=1)
            ours = [found[axis] for _, ratio, found, _ in rows if ratio == along]
            axes.plot(VOLUMES, ours, style, label=f"{name}, voxels of 1 mm")
        axes.set(title=f"{1 / along:g} across for 1 along", xlabel="cement [mL]", ylabel="half axis [mm]")
        axes.legend(fontsize=8)
    return figure


if __name__ == "__main__":
    draw(table()).savefig("ball_or_ellipsoid.png", dpi=150)
