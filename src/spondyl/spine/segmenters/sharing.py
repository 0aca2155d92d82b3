"""Bone shared out between levels and ribs: borders move to the joints between them, and marrow is filled in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.linalg import cg

from spondyl.space import Floats
from spondyl.spine.segmenters.arrays import Grey, Mask

_HELD = 0.002  # to the first sharing, per mm²: a border may move about 20 mm through even bone
_HELD_BY_PLACE = 0.025  # to what a place lets expect, where levels bear ribs
_RTOL, _MOST_STEPS = 1e-3, 300  # of shares from 0 to 1
_RIB = 3  # colour of ribs; levels have 0, 1, 2 in turn, so that neighbours differ
_FILLED_MM = 8  # to the bone around it
_FILLED_WAYS = 7  # of the 13 ways across a voxel along which it lies between bone of one level
_ROUNDS = 2


def moved_to_joints(labels: NDArray[np.int16], cost: Grey, rib: Grey, ribs: int) -> NDArray[np.int16]:
    """The regions with their borders moved to the narrowest and dimmest bone nearby.

    Each region is a source of a current that flows through bone, badly through soft bone and gaps, and leaks away
    evenly; a voxel belongs to the region most of whose current it gets (Grady's random walker with priors [1]). The
    first sharing, by the cheapest way from a pedicle, has the right middle of each region; it knows no narrow places.
    Levels two apart never touch, so three colours and one for ribs are enough.

    Parameters
    ----------
    labels
        The first sharing; 0: none.
    cost
        Price of a step at each voxel of 1 mm, 1 in solid bone; not positive: closed.
    rib
        How much a place looks like a rib's, 0 to 1; negative: no ribs there.
    ribs
        Label of ribs.

    Returns
    -------
    Labels anew; what has none gets none.

    References
    ----------
    [1] grady2005: Grady, "Multilabel random walker image segmentation using prior models", CVPR 2005.
    """
    inside = (labels > 0) & (cost > 0)
    if not inside.any():
        return labels
    first = labels[inside]
    colours = np.where(first == ribs, _RIB, first % 3)
    matrix, expected = _equations(inside, cost, rib[inside], colours)
    jacobi = sparse.diags_array(1 / matrix.diagonal())
    shares = np.empty((_RIB + 1, len(first)), np.float32)
    for colour in range(_RIB + 1):
        start = (colours == colour).astype(np.float64)
        shares[colour], _ = cg(matrix, expected[colour], x0=start, rtol=_RTOL, maxiter=_MOST_STEPS, M=jacobi)
    return _nearest_of_colour(labels, inside, colours, shares.argmax(axis=0))


def _equations(
    inside: Mask, cost: Grey, rib: Grey, colours: NDArray[np.int_]
) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    """Flow through the faces of voxels with what holds each to its colour; right-hand sides by colour."""
    count = len(colours)
    number = np.full(inside.shape, -1, np.int32)
    number[inside] = np.arange(count, dtype=np.int32)
    ends: list[NDArray[np.int32]] = []
    flows: list[Floats] = []
    for axis in range(3):
        low, high = (tuple(part if k == axis else slice(None) for k in range(3)) for part in (np.s_[:-1], np.s_[1:]))
        both = inside[low] & inside[high]
        ends.append(np.stack([number[low][both], number[high][both]]))
        flows.append((2.0 / (cost[low][both].astype(np.float64) + cost[high][both])) ** 2)
    (i, j), flow = np.concatenate(ends, axis=1), np.concatenate(flows)
    by_place = np.where(rib >= 0, _HELD_BY_PLACE, 0.0)
    diagonal = np.bincount(i, flow, count) + np.bincount(j, flow, count) + _HELD + by_place
    rows = np.concatenate([i, j, np.arange(count, dtype=np.int32)])
    columns = np.concatenate([j, i, np.arange(count, dtype=np.int32)])
    values = np.concatenate([-flow, -flow, diagonal])
    matrix = sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=(count, count)))
    expected = np.stack(
        [_HELD * (colours == c) + by_place * (1 - rib) * ((colours == c) & (colours != _RIB)) for c in range(_RIB)]
        + [_HELD * (colours == _RIB) + by_place * rib]
    )
    return matrix, expected


def _nearest_of_colour(
    labels: NDArray[np.int16], inside: Mask, colours: NDArray[np.int_], best: NDArray[np.int_]
) -> NDArray[np.int16]:
    """Where a voxel's colour has changed, the label of the nearest voxel that had the new one."""
    before, now = (np.full(labels.shape, -1, np.int8) for _ in range(2))
    before[inside], now[inside] = colours, best
    out = labels.copy()
    for colour in range(_RIB + 1):
        changed = (now == colour) & (before != colour)
        if changed.any():
            nearest = ndimage.distance_transform_edt(before != colour, return_distances=False, return_indices=True)
            out[changed] = labels[tuple(nearest[:, changed])]
    return out


def filled(labels: NDArray[np.int16], body: NDArray[np.int16], free: Mask) -> NDArray[np.int16]:
    """Regions with the marrow that their shells enclose.

    A threshold finds the shells of processes and laminae and leaves their marrow, which is as dark as muscle in old
    bone. A voxel is filled in where bone of one level lies to both sides of it in most directions.

    Parameters
    ----------
    labels
        Regions on cubes of 1 mm; 0: none.
    body
        Labels of the bodies, which enclose too; 0: none.
    free
        Voxels that may be filled.
    """
    from spondyl.spine.segmenters.layer_kernels import fill_enclosed

    out = np.where(body > 0, body, labels)
    for _ in range(_ROUNDS):
        out = fill_enclosed(out, free, _FILLED_MM, _FILLED_WAYS)
    return np.asarray(np.where(body > 0, 0, out), np.int16)
