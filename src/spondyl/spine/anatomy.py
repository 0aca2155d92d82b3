"""One vertebra taken apart: body, axes, surfaces, pedicles and the canal beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, Geometry, Volume
from spondyl.spine.canal import Station, canal_stations
from spondyl.spine.foramen import Foramen, find_foramen
from spondyl.spine.frames import find_frame
from spondyl.spine.local_view import LocalView, view_along
from spondyl.spine.masks import LevelMask, cutting_faces, filled, flat_ends, touched_faces, trimmed
from spondyl.spine.parts import find_posterior_wall, has_arch, separate_body
from spondyl.spine.pedicles import find_pedicles, refuse_too_wide
from spondyl.spine.surfaces import find_surfaces
from spondyl.spine.types import PROCESSES_CUT, Level, Pedicle, Vertebra

_BEHIND_MM = 30.0  # a point behind the body where no canal is known
_LARGEST_TURN_DEG = (
    25.0,
    40.0,
)  # between a body's own axis and the line of its neighbours, where there are some or not
_CT_MARGIN_MM = 12.0


@dataclass(frozen=True, eq=False)
class Taken:
    """A vertebra with the cross-sections of the canal that its arch encloses."""

    vertebra: Vertebra
    stations: tuple[Station, ...]


@dataclass(frozen=True, eq=False)
class _Parts:
    """What one look along an axis shows."""

    view: LocalView
    foramen: Foramen | None
    body: Volume | None
    remarks: tuple[str, ...]

    @property
    def behind(self) -> Floats:
        """A point behind the body: the canal's centre where it is known. [mm, LPS]"""
        frame = self.view.frame
        local = [0.0, -_BEHIND_MM, 0.0] if self.foramen is None else [0.0, *self.foramen.centre]
        return frame.to_patient(local)


def take_apart(
    piece: LevelMask,
    rough: Frame,
    given_body: Volume | None,
    image: Geometry,
    ct: Volume | None,
    *,
    fragment: bool,
    alone: bool,
    other_grid: bool = False,
) -> Taken:
    """Find the parts of one vertebra.

    Parameters
    ----------
    piece, rough
        Its mask, and its axes as far as the neighbours give them (`rough_frames`).
    given_body
        Its body where sub-regions are given; else it is separated here.
    image
        Grid of the whole label image: a body at its border is cut and gets no axes and surfaces.
    ct
        Where given, endplates follow its grey values; of `ct_around` is enough.
    fragment
        The label holds only a piece of the vertebra: it gets no axes and surfaces either.
    alone
        There are no neighbours that would tell the direction of the spine, so the rough axes are rougher.
    other_grid
        The CT has another grid than the label image.
    """
    limit = _LARGEST_TURN_DEG[1 if alone else 0]
    parts = _refined(piece.mask, _look(piece.mask, rough, given_body, image), given_body, image, limit)
    ends = flat_ends(piece.mask) if parts.foramen is not None or has_arch(parts.view) else ()
    cut = tuple(dict.fromkeys((*cutting_faces(parts.body or piece.mask, image), *ends)))
    remarks = [*piece.remarks, *_border_remarks(piece.mask, cut, image, other_grid), *parts.remarks]
    plain = Vertebra(piece.level, piece.mask, parts.body, None, None, None, None, None, (), cut, tuple(remarks))
    if parts.body is None or cut or fragment:
        return Taken(plain, _stations(parts))
    return Taken(_measured(plain, parts, ct, rough.cranial, limit), _stations(parts))


def mask_alone(piece: LevelMask, image: Geometry, *, other_grid: bool = False) -> Vertebra:
    """A level that is not taken apart: sacrum, coccyx, C1 and C2."""
    cut = cutting_faces(piece.mask, image)
    remarks = (*piece.remarks, *_border_remarks(piece.mask, cut, image, other_grid))
    return Vertebra(piece.level, piece.mask, None, None, None, None, None, None, (), cut, remarks)


def _look(mask: Volume, frame: Frame, given_body: Volume | None, image: Geometry) -> _Parts:
    view = view_along(mask, frame, image)
    foramen = find_foramen(view)
    remarks = []
    if foramen is not None and foramen.bridged_mm:
        remarks.append(f"the bony ring around the canal has gaps of up to {foramen.bridged_mm} mm in the mask")
    if foramen is not None and foramen.is_open:
        remarks.append("the bony ring around the canal is open behind (operation, cleft, or poor mask)")
    if given_body is not None:
        return _Parts(view, foramen, given_body, tuple(remarks))
    if foramen is None and _is_halved(mask, image):
        return _Parts(view, None, None, ("too little of it is in the image to tell body from arch",))
    if foramen is None and not has_arch(view):
        text = "the label holds no arch: all of it is taken for the body, and the front is the patient's front"
        return _Parts(view, None, Volume(filled(mask.array), mask.geometry, "1"), (text,))
    wall = None if foramen is None else find_posterior_wall(view, foramen)
    if foramen is None or wall is None:
        return _Parts(view, foramen, None, ("no closed ring of bone around the canal: body and arch not separated",))
    body = separate_body(mask, view, foramen, wall)
    if body is None:
        remarks.append("no body of plausible thickness in front of the canal: not separated")
    return _Parts(view, foramen, body, tuple(remarks))


def _is_halved(mask: Volume, image: Geometry) -> bool:
    return bool({"head", "foot"} & set(cutting_faces(mask, image)))


def _refined(mask: Volume, first: _Parts, given_body: Volume | None, image: Geometry, limit_deg: float) -> _Parts:
    """The same vertebra looked at along its own axes; the first look where it is cut or they cannot be found."""
    if first.body is None or cutting_faces(first.body, image):
        return first
    try:
        own = find_frame(trimmed(first.body), first.view.frame.cranial, first.behind)
    except InputError:
        return first
    if _angle_deg(own.cranial, first.view.frame.cranial) > limit_deg:
        return first
    second = _look(mask, own, given_body, image)
    return first if second.body is None or (second.foramen is None and first.foramen is not None) else second


def _angle_deg(a: Floats, b: Floats) -> float:
    return float(np.degrees(np.arccos(np.clip(a @ b, -1, 1))))


def _stations(parts: _Parts) -> tuple[Station, ...]:
    return () if parts.foramen is None else canal_stations(parts.view, parts.foramen)


def _measured(vertebra: Vertebra, parts: _Parts, ct: Volume | None, cranial: Floats, limit_deg: float) -> Vertebra:
    assert vertebra.body is not None
    near = None if ct is None else ct_around(ct, vertebra.mask)
    pedicles, remarks = _pedicles(vertebra.level, vertebra.mask, parts, near)
    try:
        surfaces = find_surfaces(trimmed(vertebra.body), parts.view.frame.cranial, parts.behind, near)
    except InputError as error:
        return replace(vertebra, pedicles=pedicles, remarks=(*vertebra.remarks, *remarks, str(error)))
    turn = _angle_deg(surfaces.frame.cranial, cranial)
    if turn > limit_deg:
        text = f"its axis differs by {turn:.0f} degrees from the line of the spine: label damaged, not measured"
        return replace(vertebra, remarks=(*vertebra.remarks, text))
    return replace(
        vertebra,
        frame=surfaces.frame,
        superior=surfaces.superior,
        inferior=surfaces.inferior,
        anterior=surfaces.anterior,
        posterior=surfaces.posterior,
        pedicles=pedicles,
        remarks=(*vertebra.remarks, *remarks, *surfaces.remarks),
    )


def _pedicles(
    level: Level, mask: Volume, parts: _Parts, ct: Volume | None
) -> tuple[tuple[Pedicle, ...], tuple[str, ...]]:
    if parts.foramen is None:
        return (), ()
    found, remarks = find_pedicles(mask, parts.view, parts.foramen, ct)
    kept, refused = refuse_too_wide(level, found)
    return kept, (*remarks, *refused)


def ct_around(ct: Volume, mask: Volume) -> Volume | None:
    """The CT near a vertebra, since sampling costs by the size of what is sampled; None where the CT does not reach."""
    last = np.array(mask.geometry.shape) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in last])).reshape(3, -1).T
    indices = ct.geometry.indices(mask.geometry.points(corners))
    margin = np.ceil(_CT_MARGIN_MM / ct.geometry.spacing_mm)
    start = np.clip(np.floor(indices.min(axis=0) - margin), 0, ct.geometry.shape)
    stop = np.clip(np.ceil(indices.max(axis=0) + margin) + 1, 0, ct.geometry.shape)
    return ct.cropped(start, stop) if (stop > start).all() else None


def _border_remarks(mask: Volume, cut: tuple[str, ...], image: Geometry, other_grid: bool) -> list[str]:
    remarks = []
    for face in touched_faces(mask, image):
        what = "the body is cut" if face in cut else PROCESSES_CUT
        remarks.append(f"the label image ends towards the {face}: {what}")
    for face in cut:
        if face not in touched_faces(mask, image):
            remarks.append(f"the label ends in a plane towards the {face} although the image goes on: it is cut")
    if cut and other_grid:
        remarks.append("the labels may end before the CT does: label the whole scan")
    return remarks
