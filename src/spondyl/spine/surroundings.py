"""Structures around the spine that some label images hold beside the vertebrae: vessels, ribs, lungs, kidneys."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from spondyl.space import Volume
from spondyl.spine.masks import LevelMask, mask_of, trimmed
from spondyl.spine.types import Surrounding

_NEAR_MM = 60.0  # around the vertebrae, this program's choice: no needle's distance is asked so far away
_SIDE = r"(?:[ _](?:left|right))?"
_NAMES = {
    Surrounding.AORTA: r"aorta",
    Surrounding.VENA_CAVA: r"inferior[ _]vena[ _]cava|postcava",
    Surrounding.ILIAC_VESSELS: r"(?:common[ _])?iliac[ _](?:artery|vena|vein)" + _SIDE,
    Surrounding.RIBS: r"ribs?" + _SIDE + r"(?:[ _]\d{1,2})?",
    Surrounding.LUNGS: r"lungs?(?:[ _](?:upper|middle|lower)[ _]lobe)?" + _SIDE,
    Surrounding.KIDNEYS: r"kidneys?" + _SIDE,
}


def read_surrounding_name(name: str) -> Surrounding | None:
    """The structure beside the spine that a name stands for, as TotalSegmentator writes them; None: none of these.

    >>> read_surrounding_name("rib_left_12").value, read_surrounding_name("lung_vessels")
    ('ribs', None)
    """
    text = name.strip().lower()
    return next((kind for kind, pattern in _NAMES.items() if re.fullmatch(pattern, text)), None)


def surrounding_masks(
    labels: Volume, numbers: Mapping[int, Surrounding], pieces: Sequence[LevelMask]
) -> tuple[tuple[Surrounding, Volume], ...]:
    """The masks of what is labelled beside the spine, as far as 60 mm from the vertebrae; empty ones are left out."""
    if not numbers or not pieces:
        return ()
    near = _around(labels, pieces)
    found = []
    for kind in Surrounding:
        mask = mask_of(near, [number for number, meant in numbers.items() if meant is kind])
        if mask.array.any():
            found.append((kind, trimmed(mask)))
    return tuple(found)


def _around(labels: Volume, pieces: Sequence[LevelMask]) -> Volume:
    """The part of a label image around its vertebrae."""
    geometry = labels.geometry
    firsts = np.array([np.rint(geometry.indices(piece.mask.geometry.affine[:3, 3])) for piece in pieces], int)
    lasts = firsts + [piece.mask.geometry.shape for piece in pieces]
    margin = np.ceil(_NEAR_MM / geometry.spacing_mm).astype(int)
    start = np.clip(firsts.min(axis=0) - margin, 0, None)
    return labels.cropped(start, np.minimum(lasts.max(axis=0) + margin, geometry.shape))
