"""Virtual deformities in a CT whose labels bear the numbers of any tool."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine import LabelMap, Level, Spine, build_spine
from spondyl.studies import LabelImage, Study
from spondyl.synthetic.deform import DeformedStudy, deform_vertebra
from spondyl.synthetic.spec import named_deformity

_BODY = 49  # the SPINEPS number


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
        On one grid. Labels that do not belong to the CT are refused as by `build_spine`.
    label_map
        Whose numbers the labels are; None: names that stand in the file.
    breaks
        Shape and what is left of the most affected height, by level; see `named_deformity`.
    subregions
        SPINEPS numbers on the same grid. Without them bodies are told from arches as `build_spine` does, and the
        results hold nothing but the bodies as subregions.
    """
    if not breaks:
        raise InputError("no level to deform is given: name at least one, such as L1:wedge:0.6")
    spine = build_spine(study, labels=labels, label_map=label_map, subregions=subregions)
    ct, numbers, bodies = study.ct, *_numbers_and_bodies(spine)
    parts: Volume | None = bodies if subregions is None else subregions.labels
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


def _numbers_and_bodies(spine: Spine) -> tuple[Volume, Volume]:
    """VerSe numbers and bodies on the grid of the labels; what is no vertebra is left out."""
    numbers, bodies = (np.zeros(spine.geometry.shape, np.uint8) for _ in range(2))
    for vertebra in spine:
        mask = vertebra.mask
        start = np.rint(spine.geometry.indices(mask.geometry.points((0, 0, 0)))).astype(int)
        block = tuple(slice(first, first + n) for first, n in zip(start, mask.array.shape, strict=True))
        numbers[block][mask.array] = vertebra.level
        if vertebra.body is not None:
            bodies[block][vertebra.body.array] = _BODY
    return Volume(numbers, spine.geometry, "1"), Volume(bodies, spine.geometry, "1")
