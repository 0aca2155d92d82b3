"""A bar with a weak band that softens, along the grid and askew to it, in voxels of several sizes.

The bar is 30 mm long and 20 mm wide, a slice of it one voxel or 1.25 mm thick, gripped at both ends and shortened by
1 % along its own axis. The band across its middle is a tenth weaker, as thick as the voxels that its middle plane cuts.
The same bar lies along the grid, and turned in it: what differs is the grid alone. Behind docs/validation/strength.md
and tests/physics/test_softening_bands.py.
"""

from __future__ import annotations

import numpy as np

from spondyl.numerics.elasticity import isotropic
from spondyl.numerics.nonlinear import anderson, follow, newton_krylov
from spondyl.numerics.plasticity import YieldLaw
from spondyl.numerics.yielding import YieldingBody

LENGTH_MM, WIDTH_MM, MOST_THICK_MM = 30.0, 20.0, 1.25
MODULUS, YIELD, WEAKER = 300.0, 1.5, 0.9  # MPa, and the band's share of it
STRAIN, STEPS = 0.01, 10
REFERENCE_MM = 2.5
LAW = YieldLaw(2.0, 0.8, residual_strength=0.4, softening_strain=0.08)  # of voxels of the reference size
SIZES_MM, TURNS_DEG = (5.0, 2.5, 1.25, 0.625), (0.0, 26.565, 45.0)


def pressed_bar(edge_mm: float, turn_deg: float, law: YieldLaw) -> tuple[float, float]:
    """Highest stress along the bar's axis, and that at the end, over its section in voxels. [MPa]"""
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    reach = edge_mm / 2 * (cosine + sine)  # of a voxel's middle from a plane that cuts it
    half = (LENGTH_MM * sine + WIDTH_MM * cosine) / 2, (LENGTH_MM * cosine + WIDTH_MM * sine) / 2
    nx, nz = (2 * int(np.ceil(one / edge_mm - 1e-9)) for one in half)
    ny = max(1, round(MOST_THICK_MM / edge_mm))
    along, across = _turned(nx, nz, edge_mm, cosine, sine, middles=True)
    solid = (np.abs(along) < LENGTH_MM / 2 + 1e-9) & (np.abs(across) < WIDTH_MM / 2 + 1e-9)
    off = along - (edge_mm / 2 if turn_deg == 0 else 0.0)  # along the grid the plane lies within a layer
    weak = solid & (off > -reach + 1e-9) & (off <= reach + 1e-9)
    stress = np.where(solid, np.where(weak, WEAKER, 1.0) * YIELD, 0.0)
    gripped = _turned(nx, nz, edge_mm, cosine, sine, middles=False)[0]
    ends = [_nodes_of(solid) & (side * gripped > LENGTH_MM / 2 - reach - 1e-9) for side in (1, -1)]
    held = np.broadcast_to((ends[0] | ends[1])[None, :, None, :], (3, nx + 1, ny + 1, nz + 1))
    pattern = np.zeros(held.shape)
    for axis, share in ((0, sine), (2, cosine)):
        pattern[axis] = np.where(ends[0], -share, 0.0)[:, None, :]
    solid3, stress3 = (np.repeat(one[:, None, :], ny, axis=1) for one in (solid, stress))
    coefficients = isotropic(np.where(solid3, MODULUS, 0.0), np.zeros(solid3.shape))
    body = YieldingBody(coefficients, (edge_mm,) * 3, held, stress3, law)
    wide = body.widened(pattern)
    section = solid3.sum() * edge_mm**3 / LENGTH_MM
    found = []
    places = [LENGTH_MM * STRAIN * step / STEPS for step in range(1, STEPS + 1)]
    for _ in follow(body, wide, places, solvers=[newton_krylov(rtol=1e-4), anderson(rtol=1e-4)]):
        found.append(float(np.vdot(body.internal, wide)) / section)
    return max(found), found[-1]


def _turned(
    nx: int, nz: int, edge: float, cosine: float, sine: float, *, middles: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Places along and across the bar's axis, of the voxels' middles or of the nodes. [mm]"""
    first, last = (0.5, 0) if middles else (0.0, 1)
    x, z = ((np.arange(n + last) + first - n / 2) * edge for n in (nx, nz))
    return x[:, None] * sine + z * cosine, x[:, None] * cosine - z * sine


def _nodes_of(solid: np.ndarray) -> np.ndarray:
    nodes = np.zeros((solid.shape[0] + 1, solid.shape[1] + 1), bool)
    for i in (0, 1):
        for k in (0, 1):
            nodes[i : solid.shape[0] + i, k : solid.shape[1] + k] |= solid
    return nodes


def bands_table() -> str:
    """Stress at 1 % with the softening of the reference size, and with that scaled to the voxels."""
    lines = ["| turned by | law | " + " | ".join(f"{size:g} mm" for size in SIZES_MM) + " |", "|---" * 6 + "|"]
    for turn in TURNS_DEG:
        for name in ("fixed", "scaled"):
            laws = [LAW if name == "fixed" else LAW.for_voxel_size(size, REFERENCE_MM) for size in SIZES_MM]
            ends = [pressed_bar(size, turn, law)[1] for size, law in zip(SIZES_MM, laws, strict=True)]
            lines.append(f"| {turn:.0f}° | {name} | " + " | ".join(f"{end:.3f}" for end in ends) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(bands_table())
