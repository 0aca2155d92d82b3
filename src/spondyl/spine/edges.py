"""Where an endplate's outer edge lies in a CT, although the endplate is thinner than a voxel.

Along a line out of the body the scanner shows marrow, then the bony endplate, then disc, then the neighbour's endplate,
all smeared: over a slice's thickness like a box, and by the scanner's blur like a Gaussian. The half-way point of that
bump lies outside the bone by an amount that grows with slice thickness; so the voxels are fitted as what they are, a
thin dense layer between two plateaus seen through both, and the edge read is the layer's outer face. (With a Gaussian
alone the flat top of a thick slice passes for a broad bright disc, and the edge lands a millimetre inside the bone.)

All voxels of an endplate share plateaus, profile and layer density; their offsets from the mask's surface share one
smooth field, so single voxels and noise matter little. Voxels are compared where they are: nothing is interpolated.
What they leave open (one layer of slices parallel to the endplate) is settled by what is known beforehand: the voxel's
size, and that the mask is not far off. The principle, a known structure seen through a blur, is that of cortical bone
mapping (treece2010).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage, optimize, special

from spondyl.space import Floats, HeightMap, Volume

_SHELL_MM = 0.6  # assumed thickness of the bony endplate; half its error enters the edge (adult range about 0.4-0.8)
_SHELL_SD_MM = 0.12  # that half error, one standard deviation
_MODEL_SD = 0.11  # in voxels: shape of the endplate and of the slice profile; set on virtual patients (docs/validation)
_INSIDE_MM = 5.0
_OUTSIDE_MM = 4.0
_VOXELS = 3000  # enough for fourteen parameters; more only cost time
_RIM = 5  # grid steps of the rim left out: there wall and endplate blur into one another
_MINIMUM_CONTRAST_HU = 40.0
_FAINTEST_HU = 250.0  # of a bony endplate; below it the fit takes other things for one
_COARSEST_MM = 3.5  # thicker slices show two endplates and the disc between them as one
_RIGHT_HU = 25.0  # how well plateaus and a layer can describe real bone and disc, one sd beside the noise
_INDEPENDENT = 8  # neighbouring voxels share noise and texture: about one in so many counts
_MISFIT_HU = _RIGHT_HU * np.sqrt(_INDEPENDENT)
_FINE_MM = 1.5  # up to here an endplate is resolved well enough for one start
_FEW = 600  # voxels enough to choose a start

# Parameters: offset field (6, `_basis`), HU of marrow, disc and layer, sd of the Gaussian, width of the box, and the
# disc's width (3: mean and slopes). Starts are also the middles of the priors where `_fit` does not set them.
_START = np.array([0, 0, 0, 0, 0, 0, 150, 80, 900, 0.5, np.nan, 7.0, 0, 0])
_LOWER = np.array([-9, -2, -2, -2, -2, -2, -300, -300, _FAINTEST_HU, 0.2, np.nan, 2.5, -5, -5])
_UPPER = np.array([9, 2, 2, 2, 2, 2, 1200, 180, 3000, 1.5, np.nan, 15.0, 5, 5])
_SCALE = np.array([0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 50, 50, 200, 0.2, 0.3, 2.0, 1, 1])
# The mask's own shape is good, so that of the offset field is held; the mean offset and the box depend on the voxel.
_PRIOR_SD = np.array([np.nan, 0.3, 0.3, 0.3, 0.3, 0.3, 150, 60, 300, 0.2, np.nan, 4.0, 1.5, 1.5])
_BOX_SD = 0.2  # of the slice profile's width, as a share
_FURTHEST = 1.25  # a mask's endplate from the true one, in voxels
_OFFSETS = np.linspace(-_FURTHEST, _FURTHEST, 13)  # starts, in voxels
_WIDTHS_MM = (3.5, 6.0, 9.0, 13.0)


@dataclass(frozen=True, eq=False)
class _Edge:
    parameters: Floats  # as `_START`
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
    edge_mm = float(np.linalg.norm(plate.frame.cranial @ ct.geometry.axes * ct.geometry.spacing_mm))
    if edge_mm > _COARSEST_MM:
        return plate, f"CT voxels of {edge_mm:.1f} mm along the spine are too coarse: endplate edge taken from the mask"
    limit = max(2.0, _FURTHEST * edge_mm)
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
    return replace(plate, height_mm=moved, sd_mm=_doubt(edge, plate.sd_mm, edge_mm)), None


def _doubt(edge: _Edge, mask_sd_mm: float, edge_mm: float) -> float:
    """Standard deviation of a fitted endplate: of the fit, of the shell's thickness, and of what the fit simplifies.

    Where mask and CT disagree by more than both allow, one of them is wrong in a way not known: the doubt grows by the
    ratio, as is usual for inconsistent measurements (Birge).
    """
    fitted = float(np.sqrt(edge.offset_sd_mm**2 + _SHELL_SD_MM**2 + (_MODEL_SD * edge_mm) ** 2))
    return fitted * max(1.0, abs(float(edge.parameters[0])) / float(np.hypot(fitted, mask_sd_mm)))


def _voxels(
    plate: HeightMap, sign: float, ct: Volume, inside: float, limit: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Distance outward from the endplate, anterior, left and HU of the voxels over its core."""
    shown = np.isfinite(plate.height_mm)
    core = ndimage.binary_erosion(shown, iterations=_RIM)
    core = core if core.sum() >= 60 else shown
    corners = ct.geometry.indices(plate.points()[core])
    reach = (inside + _OUTSIDE_MM + limit) / ct.geometry.spacing_mm
    first, last = np.floor(corners.min(axis=0) - reach), np.ceil(corners.max(axis=0) + reach) + 1
    if (np.minimum(last, ct.geometry.shape) <= np.maximum(first, 0)).any():
        return np.empty(0), np.empty(0), np.empty(0), np.empty(0)
    block = ct.cropped(first, last)
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


@dataclass(frozen=True, eq=False)
class _Voxels:
    """What is fitted: distance outward from the mask's endplate, `_basis` and HU of each voxel, and the priors."""

    distance: Floats
    basis: Floats  # (n, 6)
    values: Floats
    prior: Floats
    prior_sd: Floats

    def residual(self, p: Floats) -> Floats:
        """Misfit of voxels and of priors, in their standard deviations."""
        own, far = self._places(p)
        steps = _layers(own, far, p[9], p[10])
        misfit = (steps @ p[6:9] - self.values) / _MISFIT_HU
        return np.concatenate([misfit, (p - self.prior) / self.prior_sd])

    def jacobian(self, p: Floats) -> Floats:
        """Derivatives of `residual`, shape (n + 14, 14)."""
        own, far = self._places(p)
        marrow, disc, layer, blur, box = p[6:11]
        rows = np.empty((len(own), len(p)))
        outer, inner = disc - layer, layer - marrow  # jumps at the faces of the own endplate; the far one mirrors it
        places = (own, own + _SHELL_MM, far, far - _SHELL_MM)
        steps, slopes = zip(*(_step_and_slopes(x, blur, box) for x in places), strict=True)
        near, beyond = slopes[:2], slopes[2:]
        rows[:, 6:9] = _shares(*steps)
        at_own = outer * near[0] + inner * near[1]
        at_far = -outer * beyond[0] - inner * beyond[1]
        rows[:, :6] = -(at_own[0] + at_far[0])[:, None] * self.basis
        rows[:, 9:11] = (at_own[1:] + at_far[1:]).T
        rows[:, 11:] = -at_far[0][:, None] * self.basis[:, :3]
        return np.concatenate([rows / _MISFIT_HU, np.diag(1 / self.prior_sd)])

    def thinned(self, number: int) -> _Voxels:
        """About so many of the voxels, each counting for those left out."""
        some = slice(None, None, max(1, len(self.values) // number))
        return replace(self, distance=self.distance[some], basis=self.basis[some], values=self.values[some])

    def with_best_hu(self, p: Floats) -> Floats:
        """The same parameters with the marrow, disc and layer that fit best, within their bounds."""
        steps = _layers(*self._places(p), p[9], p[10]) / _MISFIT_HU
        weight = np.diag(1 / self.prior_sd[6:9] ** 2)
        right = steps.T @ self.values / _MISFIT_HU + weight @ self.prior[6:9]
        best = p.copy()
        best[6:9] = np.clip(np.linalg.solve(steps.T @ steps + weight, right), _LOWER[6:9] + 1, _UPPER[6:9] - 1)
        return best

    def _places(self, p: Floats) -> tuple[Floats, Floats]:
        """Distance outward from the endplate's outer face and from the neighbour's."""
        own = self.distance - self.basis @ p[:6]
        return own, own - self.basis[:, :3] @ p[11:]


def _layers(own: Floats, far: Floats, blur: float, box: float) -> Floats:
    """Share of marrow, disc and endplate that each voxel sees, shape (n, 3)."""
    return _shares(*(_step(x, blur, box) for x in (own, own + _SHELL_MM, far, far - _SHELL_MM)))


def _shares(past_own: Floats, in_own: Floats, past_far: Floats, in_far: Floats) -> Floats:
    """The same from the steps at the outer and the inner face of both endplates."""
    return np.stack([1 - in_own + in_far, past_own - past_far, in_own - past_own + past_far - in_far], axis=1)


def _step(x: Floats, blur: float, box: float) -> Floats:
    """A unit step at 0 seen through a Gaussian and averaged over a box."""
    return np.asarray((_ramp(x + box / 2, blur) - _ramp(x - box / 2, blur)) / box)


def _ramp(x: Floats, blur: float) -> Floats:
    """Integral of the blurred unit step."""
    return np.asarray(x * special.ndtr(x / blur) + blur * _bell(x / blur))


def _bell(t: Floats) -> Floats:
    return np.asarray(np.exp(-t * t / 2) / np.sqrt(2 * np.pi))


def _step_and_slopes(x: Floats, blur: float, box: float) -> tuple[Floats, Floats]:
    """`_step` and its derivatives by place, Gaussian and box, shape (3, n), from the same two Gaussian integrals."""
    first, last = x + box / 2, x - box / 2
    high, low = special.ndtr(first / blur), special.ndtr(last / blur)
    bell_high, bell_low = _bell(first / blur), _bell(last / blur)
    step = (first * high + blur * bell_high - (last * low + blur * bell_low)) / box
    by_box = ((high + low) / 2 - step) / box
    return step, np.stack([(high - low) / box, (bell_high - bell_low) / box, by_box])


def _fit(distance: Floats, values: Floats, basis: Floats, edge_mm: float) -> _Edge:
    """Maximum a posteriori fit from the best of many rough starts: a bump's two slopes look alike to a local search."""
    prior, prior_sd, lower, upper = _START.copy(), _PRIOR_SD.copy(), _LOWER.copy(), _UPPER.copy()
    prior[6] = np.clip(np.median(values[distance < np.quantile(distance, 0.3)]), -200, 900)
    prior[10], prior_sd[10], prior_sd[0] = edge_mm, _BOX_SD * edge_mm, max(0.5 * edge_mm, 0.7)
    lower[10], upper[10] = 0.5 * edge_mm, 1.6 * edge_mm
    voxels = _Voxels(distance, basis, values, prior, prior_sd)
    tries = [
        optimize.least_squares(
            voxels.residual, start, voxels.jacobian, bounds=(lower, upper), loss="soft_l1", f_scale=1.5,
            x_scale=_SCALE, max_nfev=40,
        )
        for start in _starts(voxels, edge_mm)
    ]  # fmt: skip
    found = min(tries, key=lambda one: float(one.cost))
    misfit = voxels.residual(found.x)[: len(values)] * _MISFIT_HU
    noise = 1.4826 * float(np.median(np.abs(misfit)))
    sd = float(np.sqrt(np.linalg.inv(found.jac.T @ found.jac)[0, 0])) * max(1.0, noise / _RIGHT_HU)
    shares = [float(np.exp(found.cost - one.cost)) for one in tries]  # of the posterior, for the other slope's fit
    spread = sum(w * (one.x[0] - found.x[0]) ** 2 for w, one in zip(shares, tries, strict=True)) / sum(shares)
    return _Edge(found.x, float(np.hypot(sd, np.sqrt(spread))), noise)


def _starts(voxels: _Voxels, edge_mm: float) -> list[Floats]:
    """The best of a grid of offsets and disc widths, HU to suit; in coarse voxels also the best either side of it."""
    few = voxels.thinned(_FEW)
    tried = []
    for offset in _OFFSETS * edge_mm:
        for width in _WIDTHS_MM:
            start = voxels.prior.copy()
            start[0], start[11] = offset, width
            start = few.with_best_hu(start)
            tried.append((float(np.sum(np.sqrt(1 + (few.residual(start) / 1.5) ** 2) - 1)), start))
    tried.sort(key=lambda pair: pair[0])
    best = tried[0][1]
    if edge_mm <= _FINE_MM:
        return [best]
    sides = ([start for _, start in tried if sign * (start[0] - best[0]) > 0.4 * edge_mm] for sign in (1, -1))
    return [best, *(side[0] for side in sides if side)]


def _refusal(edge: _Edge, limit: float) -> str | None:
    """Why the fitted edge is not used; None when it is."""
    offset, (marrow, disc, layer, blur, box) = edge.parameters[0], edge.parameters[6:11]
    past, before = _step(np.array([_SHELL_MM / 2, -_SHELL_MM / 2]), blur, box)
    contrast = (layer - marrow) * (past - before) + max(marrow - disc, 0.0)
    if contrast < max(_MINIMUM_CONTRAST_HU, edge.noise_hu / 2) or layer < _FAINTEST_HU + 1:
        return "the CT shows too little contrast between endplate and disc"
    if abs(offset) > 0.98 * limit:
        return f"the CT shows its edge more than {limit:.1f} mm away from the mask"
    if edge.offset_sd_mm > 1.0:
        return "the CT does not fix it to better than 1 mm"
    return None
