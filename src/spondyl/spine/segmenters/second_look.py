"""The network's view of vertebrae that grey values alone told apart: are there discs inside them, are they bodies?

Two vertebrae merged into one measure like one tall vertebra, or hide a collapsed one. The classical search has its own
doubts about that; the network errs in other places, so what it sees is told as a doubt and changes no mask.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Floats, Geometry, Volume
from spondyl.spine.segmenters.classes import GRID_MM, SpineClass
from spondyl.spine.segmenters.network import NetworkClasses, find_classes
from spondyl.spine.segmenters.segmentation import BODY, PER_DOUBT, Segmentation
from spondyl.studies import Progress
from spondyl.studies.progress import silent

_AROUND_MM = 24.0  # of the bodies that the network is shown
_CORE_MM = 10.0  # from the body's axis: rims and walls do not count
_MIDDLE = (0.25, 0.75)  # of a body's height; a voxel of 2 mm may take the rest of a flat body for its discs
_DISC_SHARE = 0.5  # set on four CTs of the test data: single bodies reach 0.38, merged lumbar ones exceed 0.8
_BODY_SHARE = 0.4  # set on the same: bodies have 0.63 and more
_MOST_POINTS = 20_000


def look_again(ct: Volume, found: Segmentation, *, progress: Progress = silent) -> Segmentation:
    """The same vertebrae with the network's doubts added to those that they have.

    Parameters
    ----------
    ct
        Volume they were found in. [HU]
    found
        The vertebrae.
    progress
        Called with the share done and what is being done.

    Raises
    ------
    InputError
        If the network cannot run here.
    """
    bodies = np.argwhere(found.parts.array == BODY)
    if not len(bodies):
        return found
    margin = np.ceil(_AROUND_MM / ct.geometry.spacing_mm).astype(int)
    near = ct.cropped(bodies.min(axis=0) - margin, bodies.max(axis=0) + margin + 1)
    return with_doubts(found, find_classes(near, progress=progress))


def with_doubts(found: Segmentation, classes: NetworkClasses) -> Segmentation:
    """Doubts where the network's classes contradict the vertebrae; those that the border cuts are left alone."""
    points = [_body_points(found, number) for number in range(1, len(found.cut) + 1)]
    centres = np.array([place.mean(axis=0) if len(place) else np.full(3, np.nan) for place in points])
    disc, body = classes.share(SpineClass.DISC), classes.share(SpineClass.BODY)
    doubts, confidence = list(found.doubts), list(found.confidence)
    for k, place in enumerate(points):
        if found.cut[k] or not len(place):
            continue
        said = _contradictions(place, _axis(centres, k), disc, body)
        doubts[k] = (*doubts[k], *said)
        confidence[k] *= PER_DOUBT ** len(said)
    return replace(found, doubts=tuple(doubts), confidence=tuple(confidence))


def _contradictions(place: Floats, axis: Floats, disc: Volume, body: Volume) -> tuple[str, ...]:
    away = place - place.mean(axis=0)
    height = away @ axis
    core = np.linalg.norm(away - height[:, None] * axis, axis=1) < _CORE_MM
    if not core.any():
        return ()
    said = []
    if _highest_inside(height[core], disc.sample(place[core])) > _DISC_SHARE:
        said.append("the network sees a disc inside it, as if it were two vertebrae")
    taken = float(body.sample(place[core]).mean())
    if taken < _BODY_SHARE:
        said.append(f"the network takes {taken:.0%} of it for a vertebral body")
    return tuple(said)


def _highest_inside(height: Floats, share: Floats) -> float:
    """Highest mean share of a layer of about 2 mm in the middle half of a body."""
    low, high = np.percentile(height, (1, 99))
    layers = max(4, round(float(high - low) / GRID_MM))
    number = np.clip((height - low) / max(float(high - low), 1e-6) * layers, 0, layers - 1).astype(int)
    counts = np.bincount(number, minlength=layers)
    means = np.bincount(number, share, layers) / np.maximum(counts, 1)
    middle = (np.arange(layers) + 0.5) / layers
    return float(means[(middle > _MIDDLE[0]) & (middle < _MIDDLE[1])].max())


def _body_points(found: Segmentation, number: int) -> Floats:
    mask: NDArray[np.bool_] = (found.vertebrae.array == number) & (found.parts.array == BODY)
    index = np.argwhere(mask)
    geometry: Geometry = found.vertebrae.geometry
    return geometry.points(index[:: max(1, len(index) // _MOST_POINTS)])


def _axis(centres: Floats, k: int) -> Floats:
    """Direction from foot to head at a vertebra, from its neighbours; along the patient where it has none."""
    above, below = centres[max(k - 1, 0)], centres[min(k + 1, len(centres) - 1)]
    way = above - below
    length = float(np.linalg.norm(way))
    return np.asarray(way / length) if np.isfinite(length) and length > 0 else np.array([0.0, 0.0, 1.0])
