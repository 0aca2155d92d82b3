"""Where an endplate's outer edge lies in a CT, although the endplate is thinner than a voxel.

Along a line out of the body the scanner shows marrow, then the bony endplate, then disc, then the neighbour's endplate,
all blurred. The half-way point of that blurred bump lies outside the bone by an amount that grows with slice thickness;
so the voxels are fitted as what they are, a thin dense layer between two plateaus seen through a Gaussian, and the edge
read is the layer's outer face. All voxels of an endplate share plateaus, blur and layer density; their offsets from the
mask's surface share one smooth field, so single voxels and noise matter little. Voxels are compared where they are:
nothing is interpolated. What the voxels leave open (one layer of slices parallel to the endplate) is settled by what is
known beforehand: the voxel's own blur, and that the mask is not far off. The principle, a known structure seen through
a blur, is that of cortical bone mapping (treece2010).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, optimize, special

from spondyl.space import Floats, HeightMap, Volume

_SHELL_MM = 0.6  # assumed thickness of the bony endplate; half its error enters the edge (adult range about 0.4-0.8)
_SHELL_SD_MM = 0.12  # that half error, one standard deviation
_INSIDE_MM = 5.0
_OUTSIDE_MM = 4.0
_VOXELS = 4000  # enough for eleven parameters; more only cost time
_RIM = 5  # grid steps of the rim left out: there wall and endplate blur into one another
_MINIMUM_CONTRAST_HU = 40.0
_COARSEST_MM = 1.5  # on virtual patients the fit reads 0.9 mm low at 3 mm slices, where the mask alone reads true
_PSF_MM = 0.6  # in-plane blur of a standard kernel, one sd; the voxel's own extent comes on top
_RIGHT_HU = 25.0  # how well plateaus and a layer can describe real bone and disc, one sd beside the noise
_INDEPENDENT = 8  # neighbouring voxels share noise and texture: about one in so many counts

_START = np.array([0, 0, 0, 0, 0, 0, 150, 80, 800, 1.0, 6.0])
_LOWER = np.array([-9, -2, -2, -2, -2, -2, -300, -300, 100, 0.3, 1.5])
_UPPER = np.array([9, 2, 2, 2, 2, 2, 1200, 600, 3000, 4.0, 15.0])
_SCALE = np.array([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 50, 50, 200, 0.3, 2.0])
# Prior sd of the offset field's shape (the mask's own shape is good), marrow, disc, layer and disc width; those of the
# mean offset and the blur depend on the voxel and are set in `_fit`.
_PRIOR_SD = np.array([np.nan, 0.3, 0.3, 0.3, 0.3, 0.3, 150, 60, 300, np.nan, 4.0])


@dataclass(frozen=True, eq=False)
class _Edge:
    parameters: Floats  # offset field (6), marrow, disc and layer HU, blur and disc width in mm
    offset_sd_mm: float
    noise_hu: float


def snap_endplate(plate: HeightMap, other: HeightMap, ct: Volume) -> tuple[HeightMap, str | None]:
    """The endplate moved onto its edge in the CT, and a remark where the CT shows none.

    Parameters
    ----------
    plate
        Endplate from the mask, at most about a voxel (or 2 mm) off.
    other
        The body's opposite endplate: tells which way is out, and how far in marrow may be sampled.
    ct
        Volume in HU, same frame of reference.

    Returns
    -------
    The endplate with the standard deviation of the fit, or the one given and the reason why it was not moved.
    """
    gap = float(np.nanmedian(plate.height_mm) - np.nanmedian(other.height_mm))
    sign = 1.0 if gap > 0 else -1.0
    edge_mm = float(np.abs(plate.frame.cranial @ ct.geometry.axes) @ ct.geometry.spacing_mm)
    if edge_mm > _COARSEST_MM:
        return plate, f"CT voxels of {edge_mm:.1f} mm along the spine are too coarse: endplate edge taken from the mask"
    limit = max(2.0, 1.1 * edge_mm)
    distance, u, v, values = _voxels(plate, sign, ct, min(_INSIDE_MM + limit / 2, 0.45 * abs(gap)), limit)
    if len(values) < 100:
        return plate, "endplate lies at the border of the CT: edge taken from the mask"
    edge = _fit(distance, values, _basis(plate, u, v), edge_mm)
    refusal = _refusal(edge, limit)
    if refusal:
        return plate, f"endplate edge taken from the mask: {refusal}"
    grid_u, grid_v = np.meshgrid(plate.u_mm, plate.v_mm, indexing="ij")
    field = (_basis(plate, grid_u.ravel(), grid_v.ravel()) @ edge.parameters[:6]).reshape(grid_u.shape)
    moved = plate.height_mm + sign * np.clip(field, -limit, limit)
    return replace(plate, height_mm=moved, sd_mm=float(np.hypot(edge.offset_sd_mm, _SHELL_SD_MM))), None


def _voxels(
    plate: HeightMap, sign: float, ct: Volume, inside: float, limit: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Distance outward from the endplate, anterior, left and HU of the voxels over its core."""
    shown = np.isfinite(plate.height_mm)
    core = ndimage.binary_erosion(shown, iterations=_RIM)
    core = core if core.sum() >= 60 else shown
    corners = ct.geometry.indices(plate.points()[core])
    reach = (inside + _OUTSIDE_MM + limit) / ct.geometry.spacing_mm
    block = ct.cropped(np.floor(corners.min(axis=0) - reach), np.ceil(corners.max(axis=0) + reach) + 1)
    local = plate.frame.to_local(block.geometry.points(np.moveaxis(np.indices(block.geometry.shape), 0, -1)))
    row, column = (np.rint(local[..., k + 1] - grid[0]).astype(int) for k, grid in enumerate((plate.u_mm, plate.v_mm)))
    valid = (row >= 0) & (row < len(plate.u_mm)) & (column >= 0) & (column < len(plate.v_mm))
    valid[valid] = core[row[valid], column[valid]]
    place = local[valid]
    filled = np.where(shown, plate.height_mm, np.nanmedian(plate.height_mm))
    at = np.stack([place[:, 1] - plate.u_mm[0], place[:, 2] - plate.v_mm[0]])
    distance = sign * (place[:, 0] - ndimage.map_coordinates(filled, at, order=1, mode="nearest"))
    near = np.nonzero((distance > -inside) & (distance < _OUTSIDE_MM + limit / 2))[0]
    near = near[:: max(1, len(near) // _VOXELS)]
    return distance[near], place[near, 1], place[near, 2], block.array[valid][near].astype(np.float64)


def _basis(plate: HeightMap, u: Floats, v: Floats) -> Floats:
    """Quadratic polynomials over the endplate, shape (n, 6)."""
    x = (u - plate.u_mm.mean()) / (np.ptp(plate.u_mm) / 2)
    y = (v - plate.v_mm.mean()) / (np.ptp(plate.v_mm) / 2)
    return np.stack([np.ones_like(x), x, y, x**2 - 1 / 3, y**2 - 1 / 3, x * y], axis=1)


def _profile(distance: Floats, shape: Floats) -> Floats:
    """HU at distances outward from the edge, same shape."""
    marrow, disc, layer, blur, width = shape
    own, own_inner = (special.ndtr((distance + inner) / blur) for inner in (0.0, _SHELL_MM))
    far, far_inner = (special.ndtr((distance - width - inner) / blur) for inner in (0.0, _SHELL_MM))
    plateaus = marrow + (disc - marrow) * (own - far)
    return np.asarray(plateaus + (layer - marrow) * (own_inner - own + far - far_inner))


def _fit(distance: Floats, values: Floats, basis: Floats, edge_mm: float) -> _Edge:
    """Maximum a posteriori fit, from three starts of the offset since one may take a bump's wrong slope."""
    blur = float(np.hypot(edge_mm / np.sqrt(12), _PSF_MM))
    prior, prior_sd = _START.copy(), _PRIOR_SD.copy()
    prior[6] = np.clip(np.median(values[distance < np.quantile(distance, 0.3)]), -200, 900)
    prior[9], prior_sd[9], prior_sd[0] = blur, 0.2 * blur, max(0.5 * edge_mm, 0.7)
    best: optimize.OptimizeResult | None = None

    def residual(p: Floats) -> Floats:
        misfit = (_profile(distance - basis @ p[:6], p[6:]) - values) / _RIGHT_HU
        return np.concatenate([misfit / np.sqrt(_INDEPENDENT), (p - prior) / prior_sd])

    for start in (-0.7 * edge_mm, 0.0, 0.7 * edge_mm):
        first = prior.copy()
        first[0] = start
        found = optimize.least_squares(
            residual, first, bounds=(_LOWER, _UPPER), loss="soft_l1", f_scale=1.5, x_scale=_SCALE, max_nfev=30
        )
        best = found if best is None or found.cost < best.cost else best
    assert best is not None
    misfit = residual(best.x)[: len(values)] * _RIGHT_HU * np.sqrt(_INDEPENDENT)
    noise = 1.4826 * float(np.median(np.abs(misfit)))
    information = best.jac.T @ best.jac
    sd = float(np.sqrt(np.linalg.inv(information)[0, 0])) * max(1.0, noise / _RIGHT_HU)
    return _Edge(best.x, sd, noise)


def _refusal(edge: _Edge, limit: float) -> str | None:
    """Why the fitted edge is not used; None when it is."""
    offset, (marrow, disc, layer, blur, _) = edge.parameters[0], edge.parameters[6:]
    peak = (layer - marrow) * float(special.erf(_SHELL_MM / (2 * np.sqrt(2) * blur)))
    if peak + max(marrow - disc, 0.0) < max(_MINIMUM_CONTRAST_HU, edge.noise_hu / 2):
        return "the CT shows too little contrast between endplate and disc"
    if abs(offset) > 0.98 * limit:
        return f"the CT shows its edge more than {limit:.1f} mm away from the mask"
    if edge.offset_sd_mm > 1.0:
        return "the CT does not fix it to better than 1 mm"
    return None
