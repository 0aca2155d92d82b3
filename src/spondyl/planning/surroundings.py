"""Vessels, ribs, lungs and kidneys: which of them are labelled where a needle passes, and which are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spondyl.space import Volume
from spondyl.spine import Side, Spine, Surrounding, Vertebra

BESIDE_ONLY = (Surrounding.KIDNEYS,)  # no needle through a pedicle comes near


@dataclass(frozen=True)
class Labelled:
    """What the labels hold of one kind of structure at the height of a vertebra."""

    kind: Surrounding
    is_labelled: bool  # anywhere in the label image
    sides: tuple[Side, ...]  # on which there is some of it at this height; both for one without a pair

    @property
    def is_whole(self) -> bool:
        """Whether distances to it can be told for a needle on either side."""
        return len(self.sides) == len(Side)

    def missing_words(self) -> str:
        """How a plan names what was not checked of it.

        >>> Labelled(Surrounding.RIBS, True, (Side.LEFT,)).missing_words()
        'ribs on the right (none labelled there at this level)'
        """
        name = self.kind.value.replace("_", " ")
        if not self.is_labelled:
            return name
        if not self.sides:
            return f"{name} (none labelled at this level)"
        (other,) = set(Side) - set(self.sides)
        return f"{name} on the {other.value} (none labelled there at this level)"


def labelled_surroundings(spine: Spine, vertebra: Vertebra) -> tuple[Labelled, ...]:
    """Each kind of structure with what the labels hold of it at the height of a vertebra."""
    masks = dict(spine.surroundings)
    return tuple(
        Labelled(kind, kind in masks, _sides(masks[kind], vertebra, kind) if kind in masks else ())
        for kind in Surrounding
    )


def _sides(mask: Volume, vertebra: Vertebra, kind: Surrounding) -> tuple[Side, ...]:
    """Sides of the midline on which a mask has voxels between the lower and the upper end of the vertebra's mask."""
    assert vertebra.frame is not None
    bone = vertebra.mask.geometry.points(np.argwhere(vertebra.mask.array))
    axis = int(np.abs(mask.geometry.axes[2]).argmax())
    rows = mask.geometry.indices(bone)[:, axis]
    first, stop = max(int(np.ceil(rows.min())), 0), min(int(np.floor(rows.max())) + 1, mask.array.shape[axis])
    if stop <= first:
        return ()
    cut = [slice(None)] * 3
    cut[axis] = slice(first, stop)
    places = np.argwhere(mask.array[tuple(cut)])
    if not len(places):
        return ()
    if not kind.is_paired:
        return tuple(Side)
    places[:, axis] += first
    left = vertebra.frame.to_local(mask.geometry.points(places))[:, 2]
    return tuple(side for side, there in ((Side.LEFT, left > 0), (Side.RIGHT, left < 0)) if there.any())
