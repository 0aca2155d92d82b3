"""Do labels and CT belong together? Frames, extents and the grey values under the bodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Volume
from spondyl.spine.types import Level
from spondyl.studies import Question

_AIR_HU = -200.0  # a body's median is far above, even with gas in a cleft or much fat
_SOFT_HU = (-150.0, 100.0)  # fat to contrast-filled muscle; low bone densities lie here too, so the rim decides
_RIM_HU = 20.0  # how much denser the rim of any body is than its inside: cortex, even thin and blurred
_RIM_MM = 3.0
_LAYER_MM = 1.5  # of what lies around a mask, looked at twice: a border is off by half a slice of 3 mm or so
_REFUSED = (
    "labelled bodies do not lie on bone: {}. The labels belong to another patient or scan, are flipped or shifted; "
    "give the labels of this CT"
)
_SAMPLES = 4000
_OUTSIDE_REFUSED = 0.5  # share of labelled voxels outside the CT
_OUTSIDE_ASKED = 0.02


def check_grids(ct: Volume, labels: Volume, *, resample: bool) -> tuple[str, ...]:
    """Refuse labels that cannot be laid over the CT; notes on what was accepted.

    Labels on another grid of the same frame keep their own grid: their borders stay where they were drawn, and grey
    values are read at their points. It is still asked for, because another grid is often another scan.
    """
    if not ct.geometry.is_same_frame(labels.geometry):
        raise InputError(
            "labels and CT have different frames of reference: they come from different scans. Give the labels of "
            "this CT, or register them first"
        )
    if ct.geometry.is_same_grid(labels.geometry):
        return ()
    grids = _difference(ct, labels)
    if not resample:
        raise InputError(
            f"labels and CT have different grids: {grids}. If both show the same scan, ask for resampling "
            "(resample=True, --resample)"
        )
    return (f"{grids}; the labels keep their own grid and the CT is read at their points",)


def _difference(ct: Volume, labels: Volume) -> str:
    """How two grids differ: in voxels, or else by how far the first voxels lie apart."""
    texts = _grid_text(labels), _grid_text(ct)
    if texts[0] != texts[1]:
        return f"the labels have {texts[0]}, the CT has {texts[1]}"
    apart = float(np.linalg.norm(labels.geometry.points(np.zeros(3)) - ct.geometry.points(np.zeros(3))))
    return f"both have {texts[0]}, but the labels' first voxel lies {apart:.1f} mm from the CT's, or their axes differ"


def extent_questions(ct: Volume, masks: Sequence[Volume]) -> tuple[Question, ...]:
    """Whether labels reach beyond the CT."""
    inside = np.concatenate([ct.geometry.contains(_points(mask, mask.array)) for mask in masks])
    outside = float(1 - inside.mean())
    if outside > _OUTSIDE_REFUSED:
        raise InputError(
            f"{outside:.0%} of the labelled voxels lie outside the CT: the labels belong to another scan, or their "
            "position was lost. Give the labels of this CT"
        )
    if outside <= _OUTSIDE_ASKED:
        return ()
    text = f"{outside:.0%} of the labelled voxels lie outside the CT."
    return (Question("extent_conflict", text, "Check that labels and CT come from the same scan.", blocking=True),)


def refuse_air(ct: Volume, masks: Sequence[tuple[Level, Volume]]) -> None:
    """Refuse labels that mostly lie on air, before anything is made of them."""
    medians = {level: float(np.median(hu)) for level, mask in masks if len(hu := _values(ct, mask, mask.array))}
    on_air = {level: median for level, median in medians.items() if median < _AIR_HU}
    if on_air and len(on_air) * 2 >= len(medians):
        text = "; ".join(f"{level.name} on air (median {median:.0f} HU)" for level, median in on_air.items())
        raise InputError(_REFUSED.format(text))


def bodies_not_on_bone(
    ct: Volume, bodies: Sequence[tuple[Level, Volume]]
) -> tuple[tuple[Level, ...], tuple[Question, ...]]:
    """Levels whose bodies lie on air or soft tissue, with the question for them.

    Parameters
    ----------
    ct
        Volume in Hounsfield units.
    bodies
        Levels with the masks of their bodies.

    Raises
    ------
    InputError
        If most of the bodies do: labels of another patient, flipped or shifted.
    """
    found = {level: _tissue(ct, body) for level, body in bodies}
    wrong = {level: tissue for level, tissue in found.items() if tissue is not None}
    text = "; ".join(f"{level.name} on {tissue}" for level, tissue in wrong.items())
    if wrong and len(wrong) * 2 >= len(found):
        raise InputError(_REFUSED.format(text))
    if not wrong:
        return (), ()
    action = "Check that labels and CT belong together; correct these labels."
    asked = Question("bodies_not_on_bone", f"Bodies do not lie on bone: {text}.", action, blocking=True)
    return tuple(wrong), (asked,)


def _tissue(ct: Volume, body: Volume) -> str | None:
    """Name of the tissue that a body wrongly lies on; None where it is bone or lies outside the CT."""
    depth = ndimage.distance_transform_edt(body.array, sampling=body.geometry.spacing_mm)
    rim = _values(ct, body, (depth > 0) & (depth <= _RIM_MM))
    inside = _values(ct, body, depth > _RIM_MM)
    if len(inside) < 20 or len(rim) < 20:
        return None
    median = float(np.median(inside))
    if median < _AIR_HU:
        return f"air (median {median:.0f} HU)"
    if not _SOFT_HU[0] < median < _SOFT_HU[1] or rim.mean() - inside.mean() >= _RIM_HU:
        return None
    if _has_cortex_outside(ct, body):
        return None
    return f"soft tissue (median {median:.0f} HU, no brighter rim)"


def _has_cortex_outside(ct: Volume, body: Volume) -> bool:
    """Whether bone goes on around a mask that was drawn too small: most of a thin layer outside is like no soft tissue.

    Being denser than the inside is not enough: muscle around fat is that too.
    """
    beyond = ndimage.distance_transform_edt(~body.array, sampling=body.geometry.spacing_mm)
    layers = (_values(ct, body, (beyond > low) & (beyond <= low + _LAYER_MM)) for low in (0.0, _LAYER_MM))
    return any(len(layer) >= 20 and float(np.median(layer)) >= _SOFT_HU[1] + _RIM_HU for layer in layers)


def _values(ct: Volume, body: Volume, where: NDArray[np.bool_]) -> Floats:
    points = _points(body, where)
    points = points[ct.geometry.contains(points)]
    if len(points) == 0:
        return np.empty(0)
    indices = ct.geometry.indices(points)
    near = ct.cropped(
        np.floor(indices.min(axis=0)), np.ceil(indices.max(axis=0)) + 2
    )  # sampling copies what it is given
    return near.sample(points)


def _points(mask: Volume, where: NDArray[np.bool_]) -> Floats:
    """Some of the patient points of a selection of voxels, evenly spread."""
    indices = np.argwhere(where)
    return mask.geometry.points(indices[:: max(1, len(indices) // _SAMPLES)])


def _grid_text(volume: Volume) -> str:
    shape = " x ".join(map(str, volume.geometry.shape))
    spacing = " x ".join(f"{mm:.2f}" for mm in volume.geometry.spacing_mm)
    return f"{shape} voxels of {spacing} mm"
