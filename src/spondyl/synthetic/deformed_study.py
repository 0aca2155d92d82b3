"""Virtual deformities in a CT whose labels bear the numbers of any tool."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine import LabelMap, Level
from spondyl.spine.label_maps import choose_label_map
from spondyl.spine.masks import label_numbers, level_masks
from spondyl.spine.plausibility import check_grids, refuse_air
from spondyl.studies import LabelImage, Study
from spondyl.synthetic.deform import DeformedStudy, deform_vertebra
from spondyl.synthetic.spec import named_deformity


def deform_study(
    study: Study,
    labels: LabelImage,
    label_map: LabelMap | None,
    breaks: Mapping[Level, tuple[str, float]],
    *,
    subregions: LabelImage | None = None,
) -> tuple[DeformedStudy, ...]:
    """Deform levels of a CT one after the other; each result has the earlier ones in it, so the last has all.

    Parameters
    ----------
    study, labels
        On one grid. Labels that mostly lie on air are refused, as everywhere.
    label_map
        Whose numbers the labels are; None: names that stand in the file.
    breaks
        Shape and what is left of the most affected height, by level; see `named_deformity`.
    subregions
        SPINEPS numbers on the same grid.
    """
    if not breaks:
        raise InputError("no level to deform is given: name at least one, such as L1:wedge:0.6")
    check_grids(study.ct, labels.labels, resample=False)
    ct, numbers = study.ct, verse_numbers(study.ct, labels, label_map)
    parts = None if subregions is None else subregions.labels
    made: list[DeformedStudy] = []
    for level, (shape, left) in breaks.items():
        heights = named_deformity(shape, left)
        done = deform_vertebra(
            ct,
            numbers,
            level,
            shape,
            anterior=heights.anterior,
            middle=heights.middle,
            posterior=heights.posterior,
            subregions=parts,
        )
        ct, numbers, parts = done.ct, done.labels, done.subregions
        made.append(done)
    return tuple(made)


def verse_numbers(ct: Volume, labels: LabelImage, label_map: LabelMap | None) -> Volume:
    """The vertebrae of a label image with VerSe numbers; what is no vertebra is left out."""
    found = label_numbers(labels.labels)
    chosen, _ = choose_label_map(found, labels.names, label_map)
    levels = {number: chosen.levels[number] for number in found if number in chosen.levels}
    bones = [(m.level, m.mask) for m in level_masks(labels.labels, levels) if m.level < Level.SACRUM]
    refuse_air(ct, bones)
    table = np.zeros(max(found) + 1, np.uint8)
    for number, level in levels.items():
        table[number] = level
    return Volume(table[labels.labels.array], labels.labels.geometry, "1")
