"""Labels that fit no vertebra, and are not measured: part of one, two in one, beside the spine, ending inside bone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import numpy as np
from scipy import ndimage

from spondyl.space import Floats, Volume
from spondyl.spine.types import Level, Vertebra
from spondyl.studies import Question

# Limits are this program's choice: wider than all uncut levels of the test data reach (see the decision on misfits).
_DEPTH, _WIDTH = (0.7, 1.4), (0.65, 1.5)  # against the bodies beside it; fractures change them by a tenth or so
_HIGHEST = 1.6  # times as high as the highest beside it: two levels; how low a body may be is never asked
_HIGHER_THAN_DEEP = 1.2  # and it must be: beside two crushed bodies a sound one is 1.6 times as high, but not this
_BESIDE_MM, _AWAY_MM = 12.0, 20.0  # sideways from the line between its neighbours, and in any direction (a gibbus)
_NEAR = 2  # levels to either side that it is compared with
_BONE_HU = 120.0  # median of what lies around the waist of a mask: muscle, fat and vessels stay below
_WAIST, _FRONT = 0.25, -0.2  # shares of height and depth: the waist without end plates and pedicles
_LAYER_MM = (1.5, 3.0)  # outside the mask: borders are off by half a slice or so
_FEWEST = 50  # voxels that tell a median


@dataclass(frozen=True, eq=False)
class _Body:
    """Centre and extents of a measured body. [mm]"""

    place: int  # in the row of vertebrae
    centre: Floats
    height: float
    depth: float
    width: float


def without_misfits(
    vertebrae: Sequence[Vertebra], ct: Volume | None, not_on_bone: Collection[Level] = ()
) -> tuple[tuple[Vertebra, ...], tuple[Question, ...]]:
    """The same vertebrae, those whose labels fit no vertebra without body and axes, and a question for each of these.

    A label is compared with those beside it, so two of three that are wrong alike are not noticed.

    Parameters
    ----------
    vertebrae
        From head to foot.
    ct
        Where given, labels that end inside bone are found too. [HU]
    not_on_bone
        Levels whose bodies lie on air or soft tissue, found already.
    """
    bodies = {v.level: _measured(i, v) for i, v in enumerate(vertebrae) if v.frame is not None and v.body is not None}
    why = dict.fromkeys(not_on_bone, "its body lies on no bone")
    for level, body in bodies.items():
        near = [other for other in bodies.values() if other is not body and abs(other.place - body.place) <= _NEAR]
        said = _unlike(body, near) if len(near) >= 2 else None
        said = said or (None if ct is None else _inside_bone(vertebrae[body.place], body, ct))
        if said is not None:
            why.setdefault(level, said)
    why = _beside_the_line(bodies) | why
    kept = tuple(_unmeasured(v, why[v.level]) if v.level in why else v for v in vertebrae)
    asked = [v.level for v in kept if v.level in why and v.level not in not_on_bone]  # those have their question
    return kept, tuple(_question(level, why[level]) for level in asked)


def _question(level: Level, why: str) -> Question:
    text = f"The label of {level.name} fits no vertebra, so it is not measured: {why}."
    return Question("label_misfit", text, "Look at it in the CT; correct the label, or leave it out.", blocking=False)


def _unmeasured(vertebra: Vertebra, why: str) -> Vertebra:
    """Without all that would be measured on it; the mask stays to be looked at."""
    plain = replace(vertebra, body=None, frame=None, superior=None, inferior=None, anterior=None, posterior=None)
    return replace(plain, pedicles=(), remarks=(*vertebra.remarks, f"label fits no vertebra: {why}; not measured"))


def _measured(place: int, vertebra: Vertebra) -> _Body:
    assert vertebra.body is not None and vertebra.frame is not None
    frame, indices = vertebra.frame, np.argwhere(vertebra.body.array)
    local = frame.to_local(vertebra.body.geometry.points(indices[:: max(1, len(indices) // 5000)]))
    low, high = np.percentile(local, (2, 98), axis=0)
    return _Body(place, frame.to_patient((low + high) / 2), *(float(mm) for mm in high - low))


def _unlike(body: _Body, near: Sequence[_Body]) -> str | None:
    """How a body differs from those beside it more than any vertebra does."""
    depth, width = (getattr(body, name) / median(getattr(other, name) for other in near) for name in ("depth", "width"))
    height = body.height / max(other.height for other in near)
    if height > _HIGHEST and body.height > _HIGHER_THAN_DEEP * body.depth:
        return f"its body is {height:.1f} times as high as the highest beside it, as two levels in one"
    for share, (least, most), word in ((depth, _DEPTH, "deep"), (width, _WIDTH, "wide")):
        if share < least:
            return f"its body is {share:.0%} as {word} as those beside it: a part of a body"
        if share > most:
            return f"its body is {share:.1f} times as {word} as those beside it: more than a body"
    return None


def _beside_the_line(bodies: Mapping[Level, _Body]) -> dict[Level, str]:
    """Bodies that stand beside the line between their neighbours, where they stand further off than these do."""
    off: dict[Level, Floats] = {}
    ordered = list(bodies.items())
    for (_, above), (level, body), (_, below) in zip(ordered, ordered[1:], ordered[2:], strict=False):
        if below.place - above.place == 2:
            way = below.centre - above.centre
            share = (body.centre - above.centre) @ way / (way @ way)
            off[level] = body.centre - above.centre - share * way
    found = {}
    for level, away in off.items():
        distance = float(np.linalg.norm(away))
        beside = [np.linalg.norm(off[o]) for o in off if abs(bodies[o].place - bodies[level].place) == 1]
        if (abs(away[0]) > _BESIDE_MM or distance > _AWAY_MM) and distance >= max(beside, default=0.0):
            found[level] = f"its body stands {distance:.0f} mm beside the line between its neighbours"
    return found


def _inside_bone(vertebra: Vertebra, body: _Body, ct: Volume) -> str | None:
    """Whether bone goes on around the waist of a mask: it was drawn too small, and its heights would be too."""
    assert vertebra.frame is not None and vertebra.body is not None
    mask = vertebra.mask
    beyond = ndimage.distance_transform_edt(~mask.array, sampling=mask.geometry.spacing_mm)
    points = mask.geometry.points(np.argwhere((beyond > _LAYER_MM[0]) & (beyond <= _LAYER_MM[1])))
    local = vertebra.frame.to_local(points) - vertebra.frame.to_local(body.centre)
    waist = (np.abs(local[:, 0]) <= _WAIST * body.height) & (local[:, 1] >= _FRONT * body.depth)
    points = points[waist & ct.geometry.contains(points)]
    if len(points) < _FEWEST:
        return None
    indices = ct.geometry.indices(points)
    around = float(
        np.median(ct.cropped(np.floor(indices.min(axis=0)), np.ceil(indices.max(axis=0)) + 2).sample(points))
    )
    if around < _BONE_HU:
        return None
    return f"it ends inside bone: 1.5 to 3 mm outside its waist the median is {around:.0f} HU"
