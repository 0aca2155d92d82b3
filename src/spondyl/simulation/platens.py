"""Two stiff platens on a voxel model: which nodes they hold, and what lies between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.numerics.elasticity import CORNERS, rigid_modes
from spondyl.space.arrays import read_only

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Edges = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Platens:
    """Nodes of both platens, masks of shape (nx+1, ny+1, nz+1), and the grid axis along which one is moved."""

    top: Mask
    bottom: Mask
    axis: int

    def __post_init__(self) -> None:
        for name in ("top", "bottom"):
            object.__setattr__(self, name, read_only(getattr(self, name)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.top, self.bottom, self.axis)

    def held(self, lateral_held: bool) -> Mask:
        """Which displacements are prescribed, shape (3, nx+1, ny+1, nz+1)."""
        either = self.top | self.bottom
        return np.stack([either & (lateral_held or component == self.axis) for component in range(3)])

    def moved(self, displacement: float, tilt: tuple[float, float] = (0.0, 0.0), edges: Edges = (1.0,) * 3) -> Array:
        """Displacements with the top platen moved along the axis, the rest at 0. [mm]

        Parameters
        ----------
        displacement
            Of the middle of the platen. [mm]
        tilt
            By how much more it moves for each mm off the middle, along either axis across, over that displacement.
            [1/mm]
        edges
            Of a voxel. [mm]
        """
        result = np.zeros((3, *self.top.shape))
        result[self.axis][self.top] = displacement * (1 + self.offsets(edges) @ np.array(tilt))
        return result

    def offsets(self, edges: Edges) -> Array:
        """Places of the top's nodes off their middle along the axes across, shape (n, 2). [mm]"""
        across = [a for a in range(3) if a != self.axis]
        places = np.argwhere(self.top)[:, across] * np.array(edges)[across]
        return np.asarray(places - places.mean(axis=0))

    def force(self, internal: Array, edges: Edges) -> tuple[float, float, float]:
        """Force on the top along the axis and its moments over the middle (force times offset) from nodal forces.

        Parameters
        ----------
        internal
            Shape (3, nx+1, ny+1, nz+1). [N]

        Returns
        -------
        Force [N], and moments along the two axes across [N mm].
        """
        pushed = internal[self.axis][self.top]
        first, second = pushed @ self.offsets(edges)
        return float(pushed.sum()), float(first), float(second)

    def cropped(self, box: tuple[slice, ...]) -> Platens:
        """The platens on the grid of a block of voxels."""
        nodes = tuple(slice(part.start, part.stop + 1) for part in box)
        return Platens(self.top[nodes], self.bottom[nodes], self.axis)


def find_platens(labels: Array, solid: Mask, *, top: int, bottom: int, axis: int) -> Platens:
    """The outer faces of the labelled voxels on their extreme planes along an axis; the top is at the larger index.

    Parameters
    ----------
    labels
        Shape (nx, ny, nz); labelled voxels that are void are no part of a platen.
    solid
        Which voxels hold material.
    """
    if top == bottom:
        raise InputError(f"both platens have the label {top}: two different labels are expected")
    if 0 in (top, bottom):
        raise InputError("a platen has the label 0, which is of voxels without a label: mark its voxels with a number")
    high, top_plane = _faces(labels == top, solid, axis, last=True, name=f"top platen (label {top})")
    low, bottom_plane = _faces(labels == bottom, solid, axis, last=False, name=f"bottom platen (label {bottom})")
    if top_plane <= bottom_plane:
        raise InputError(
            f"along axis {'ijk'[axis]} the top platen lies at face {top_plane}, the bottom one at {bottom_plane}; the "
            "top is expected at the larger index: exchange --top and --bottom, or give --axis"
        )
    return Platens(high, low, axis)


def _faces(labelled: Mask, solid: Mask, axis: int, *, last: bool, name: str) -> tuple[Mask, int]:
    """Nodes of the outer faces of a platen, and the plane of nodes that they lie on."""
    across = tuple(a for a in range(3) if a != axis)
    planes = np.flatnonzero(labelled.any(axis=across))
    if not planes.size:
        raise InputError(f"no voxel is of the {name}: check the number and the label image")
    plane = int(planes[-1] if last else planes[0])
    face = np.moveaxis(labelled & solid, axis, 0)[plane]
    if not face.any():
        raise InputError(
            f"the {name} lies on plane {plane} of axis {'ijk'[axis]}, where all its voxels are void; material is "
            "expected there: give it a modulus, or move the label to the outermost material"
        )
    nodes = np.zeros([n + 1 for n in labelled.shape], bool)
    at = np.moveaxis(nodes, axis, 0)[plane + int(last)]
    m, n = face.shape
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        at[i : i + m, j : j + n] |= face
    return nodes, plane + int(last)


@dataclass(frozen=True, eq=False)
class LoadPath:
    """The parts of a body that join both platens; parts are voxels that share a node."""

    parts: Array  # (nx, ny, nz), 0 where there is none
    floating_voxels: int  # of parts at no platen
    hanging_voxels: int  # of parts at one platen only, which bear nothing


def find_load_path(solid: Mask, platens: Platens) -> LoadPath:
    """What bears load between the platens.

    Raises
    ------
    InputError
        where nothing does.
    """
    parts, count = ndimage.label(solid, np.ones((3, 3, 3), int))
    at_top, at_bottom = (_touching(parts, nodes, count) for nodes in (platens.top, platens.bottom))
    sizes = np.bincount(parts.ravel(), minlength=count + 1)
    sizes[0] = 0
    joined = at_top & at_bottom
    joined[0] = False
    if not joined.any():
        raise InputError(
            f"no part of the material joins both platens ({count} separate parts were found): the model bears nothing. "
            "Check the platens' labels, or lower the threshold that made voxels void"
        )
    alone = ~joined & (at_top | at_bottom)
    kept = np.where(joined[parts], parts, 0)
    return LoadPath(kept, int(sizes[~at_top & ~at_bottom].sum()), int(sizes[alone].sum()))


def _touching(parts: Array, nodes: Mask, count: int) -> Mask:
    """Which parts have one of these nodes."""
    found = np.zeros(count + 1, bool)
    a, b, c = parts.shape
    for i, j, k in CORNERS:
        found[parts[nodes[i : i + a, j : j + b, k : k + c]]] = True
    return found


def without_drift(displacement: Array, parts: Array, edges: tuple[float, float, float], axis: int) -> Array:
    """Displacements less what no force resists between smooth platens: each part's mean shift and turn in their plane.

    Parameters
    ----------
    displacement
        Shape (3, nx+1, ny+1, nz+1).
    parts
        As in `LoadPath`.
    """
    result = displacement.copy()
    modes = rigid_modes(parts.shape, edges)[[a for a in range(3) if a != axis] + [3 + axis]]
    a, b, c = parts.shape
    for number in np.unique(parts[parts > 0]):
        nodes = np.zeros(displacement.shape[1:], bool)
        for i, j, k in CORNERS:
            nodes[i : i + a, j : j + b, k : k + c] |= parts == number
        basis = np.linalg.qr(modes[:, :, nodes].reshape(3, -1).T)[0]
        flat = result[:, nodes].ravel()
        result[:, nodes] = (flat - basis @ (basis.T @ flat)).reshape(3, -1)
    return result
