"""What a CT shows of the level at each piece of the spine: ribs, sacrum, lungs, and the spacing of its discs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise

import numpy as np
from scipy import ndimage

from spondyl.errors import InputError
from spondyl.space import Floats, Volume
from spondyl.spine.names.ribs import Spur, find_spurs
from spondyl.spine.names.shapes import BodyShape
from spondyl.spine.segmenters.arrays import Grey, Mask, Upright
from spondyl.spine.segmenters.curved import AIR_HU, CurvedFrame, straightened, turns_by_symmetry

_LEFT_MM = np.arange(-90.0, 90.1)
_BACK_MM = np.arange(-70.0, 50.1)
_USUAL_MM = 30.0  # of a piece beyond the first or last disc, where the image goes on
_LEAST_PIECE_MM = 8.0
_RIB_REACH_MM = 54.0  # from the midline: no transverse process of the real test data reaches 52
_PROCESS_REACH_MM = 44.0  # up to there what leaves the spine may be a process or the stump of a rib
_ROOT = (
    0.2,
    1.2,
)  # of a piece, from its lower disc: a rib leaves beside the pedicle, high up at the upper thoracic levels
_RIB_FALL_MM = 25.0  # from its root to `_RIB_REACH_MM`
_ALA_LEFT_MM = (28.0, 44.0)
_ALA_HU = 130.0
_ALA_SHARE = 0.15  # of bone beside S1 on both sides; 0.23-0.42 at two real sacra, at most 0.11 on the poorer side of L5
_WING_LEFT_MM = (50.0, 80.0)
_WING_SHARE = 0.10
_LEAN_DEG = -12.0  # of the canal, lower end backward
_ALA_TOP_MM = 14.0  # from the disc above to the top of the wings
_LUMBAR_SPACING_MM = 22.0  # between discs, at least: 27-36 in three lumbar spines, 16-20 at the neck
_LUNG_LEFT_MM, _LUNG_BACK_MM = (28.0, 50.0), (-45.0, -5.0)
_LUNG_HU = -600.0
_LUNG_SHARES = (0.06, 0.5)  # of air: below, no lung; above, lung
_SHOWN_SHARE = 0.85


class Sight(StrEnum):
    """Whether something is seen at a place."""

    SEEN = "seen"
    NONE = "none"
    UNCLEAR = "unclear"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class LevelSigns:
    """What a CT shows at one piece of the spine, from one disc to the next. Pairs are the patient's left and right."""

    spacing_mm: float | None  # from disc to disc; None: beyond the first or last disc
    ribs: tuple[Sight, Sight]
    lungs: tuple[Sight, Sight]
    sacrum: Sight
    said: tuple[str, ...] = ()  # of the sacrum, in words
    shape: BodyShape | None = None  # None: not measured


@dataclass(frozen=True, eq=False)
class _Seen:
    """The straightened CT with what of it lies in the image, and its frame."""

    straight: Grey
    shown: Mask
    frame: CurvedFrame
    spurs: tuple[tuple[Spur, ...], tuple[Spur, ...]]

    def share(self, found: Mask, left: tuple[float, float], back: tuple[float, float], part: slice) -> list[float]:
        """Share of found voxels among those shown, left and right of the midline; NaN where too few are shown."""
        rows = (back[0] <= _BACK_MM) & (back[1] >= _BACK_MM)
        out = []
        for sign in (1, -1):
            columns = (sign * _LEFT_MM >= left[0]) & (sign * _LEFT_MM <= left[1])
            shown = self.shown[columns][:, rows][:, :, part]
            enough = shown.size > 0 and shown.mean() >= _SHOWN_SHARE
            out.append(float(found[columns][:, rows][:, :, part][shown].mean()) if enough else float("nan"))
        return out


def read_signs(ct: Volume, canal: Floats, discs: Floats) -> tuple[LevelSigns, ...]:
    """What the CT shows at each piece of the spine, from head to foot.

    Pieces are what lies above the first disc, between each two, and below the last one.

    Parameters
    ----------
    ct
        Volume in Hounsfield units.
    canal, discs
        Centres from foot to head, shapes (m, 3) and (n, 3), patient mm, as `find_discs` gives them.

    Raises
    ------
    InputError
        If fewer than two discs or less than 30 mm of canal are given.
    """
    if len(discs) < 2 or len(canal) < 30:
        raise InputError(f"at least two discs and 30 mm of canal tell levels, found {len(discs)} and {len(canal)}")
    image = Upright.of(ct)
    path = image.places(canal)
    frame = CurvedFrame.along(path)
    frame = CurvedFrame.along(path, turns=turns_by_symmetry(straightened(image, frame)))
    seen = _look(image, frame)
    stations = [_station(frame, place) for place in image.places(discs)]
    return _only_below_lumbar([_signs(seen, part) for part in _pieces(stations, len(frame))])


def _only_below_lumbar(signs: Sequence[LevelSigns]) -> tuple[LevelSigns, ...]:
    """The signs, no sacrum seen beside lung or below discs too close for lumbar ones: the neck."""
    out = []
    for i, sign in enumerate(signs):
        above = [s.spacing_mm for s in signs[max(0, i - 2) : i] if s.spacing_mm is not None]
        low = bool(above) and min(above) >= _LUMBAR_SPACING_MM and Sight.SEEN not in sign.lungs
        out.append(sign if low or sign.sacrum is Sight.NOT_SHOWN else replace(sign, sacrum=Sight.NONE, said=()))
    return tuple(out)


def _station(frame: CurvedFrame, place: Floats) -> int:
    """Station whose plane square to the canal holds a place."""
    offset = place - frame.origins
    along = np.abs((offset * frame.head).sum(axis=1))
    along[np.linalg.norm(offset, axis=1) > 1.5 * np.linalg.norm(offset, axis=1).min()] = np.inf
    return int(along.argmin())


@dataclass(frozen=True)
class _Piece:
    low: int
    high: int
    is_whole: bool


def _pieces(stations: Sequence[int], count: int) -> list[_Piece]:
    """From head to foot; end pieces as far as the canal is seen."""
    inner = [_Piece(a, b, True) for a, b in pairwise(stations)]
    below = _Piece(max(0, stations[0] - int(_USUAL_MM)), stations[0], False)
    above = _Piece(stations[-1], min(count - 1, stations[-1] + int(_USUAL_MM)), False)
    return [above, *inner[::-1], below]


def _look(image: Upright, frame: CurvedFrame) -> _Seen:
    straight = straightened(image, frame, _LEFT_MM, _BACK_MM)
    inside = Upright(np.ones_like(image.array, np.int8), image.spacing_mm, image.order, image.flipped, image.geometry)
    shown = straightened(inside, frame, _LEFT_MM, _BACK_MM) > 0.5
    straight[~shown] = AIR_HU
    left, right = (find_spurs(straight, _LEFT_MM, _BACK_MM, sign, _RIB_REACH_MM + 4) for sign in (1, -1))
    return _Seen(straight, shown, frame, (left, right))


def _signs(seen: _Seen, piece: _Piece) -> LevelSigns:
    if piece.high - piece.low < _LEAST_PIECE_MM:
        hidden = (Sight.NOT_SHOWN, Sight.NOT_SHOWN)
        return LevelSigns(None, hidden, hidden, Sight.NOT_SHOWN)
    sacrum, said = _sacrum(seen, piece)
    return LevelSigns(
        spacing_mm=float(piece.high - piece.low) if piece.is_whole else None,
        ribs=(_rib(seen, piece, 0), _rib(seen, piece, 1)),
        lungs=_lungs(seen, piece),
        sacrum=sacrum,
        said=said,
    )


def _rib(seen: _Seen, piece: _Piece, side: int) -> Sight:
    """Whether a rib leaves this piece on one side."""
    length = max(piece.high - piece.low, int(_USUAL_MM * 0.7))
    low = piece.low if piece.is_whole or piece.low > 0 else piece.high - length
    roots = [spur for spur in seen.spurs[side] if _ROOT[0] <= (spur.root - low) / length < _ROOT[1]]
    reach = max((spur.reach_mm for spur in roots), default=0.0)
    if reach >= _RIB_REACH_MM:
        return Sight.SEEN
    first = max(0, int(low + _ROOT[0] * length - _RIB_FALL_MM))
    needed = low + _ROOT[0] * length - _RIB_FALL_MM >= 0
    columns = np.abs(_LEFT_MM - (1, -1)[side] * 0.5 * (_RIB_REACH_MM + 28)) <= 0.5 * (_RIB_REACH_MM - 28)
    rows = (_BACK_MM >= -5) & (_BACK_MM <= 28)
    shown = seen.shown[columns][:, rows][:, :, first : piece.high + 1]
    if not needed or not piece.is_whole or shown.mean() < 0.97:
        return Sight.NOT_SHOWN
    return Sight.UNCLEAR if reach > _PROCESS_REACH_MM else Sight.NONE


def _lungs(seen: _Seen, piece: _Piece) -> tuple[Sight, Sight]:
    part = slice(piece.low, piece.high + 1)
    left, right = seen.share(seen.straight < _LUNG_HU, _LUNG_LEFT_MM, _LUNG_BACK_MM, part)
    return _lung(left), _lung(right)


def _lung(share: float) -> Sight:
    if np.isnan(share):
        return Sight.NOT_SHOWN
    if share >= _LUNG_SHARES[1]:
        return Sight.SEEN
    return Sight.NONE if share <= _LUNG_SHARES[0] else Sight.UNCLEAR


def _sacrum(seen: _Seen, piece: _Piece) -> tuple[Sight, tuple[str, ...]]:
    """Whether the piece is sacral: wings on both sides from its upper disc on, and a canal that runs backward."""
    part = slice(piece.low, piece.high + 1)
    smooth = ndimage.gaussian_filter(np.clip(seen.straight[:, :, part], -200, 600), 1.0)
    bone = np.zeros(seen.shown.shape, bool)
    bone[:, :, part] = smooth > _ALA_HU
    wall = (-32.0, 5.0)  # behind the canal's path: beside body and canal
    ala = seen.share(bone, _ALA_LEFT_MM, wall, part)
    wing = seen.share(bone, _WING_LEFT_MM, (-70.0, 50.0), part)
    if np.isnan(ala).any():
        return Sight.NOT_SHOWN, ()
    head = seen.frame.head[(piece.low + piece.high) // 2]
    lean = float(np.degrees(np.arctan2(head[1], head[2])))
    wings = min(ala) >= _ALA_SHARE
    pelvis = np.isnan(wing).all() or np.nanmin(wing) >= _WING_SHARE
    if not wings:
        return (Sight.UNCLEAR if max(ala) >= _ALA_SHARE and lean <= _LEAN_DEG and pelvis else Sight.NONE), ()
    top = _ala_top(seen, bone, piece)
    said = (
        f"bone beside it fills {ala[0]:.0%} on the left and {ala[1]:.0%} on the right",
        f"it begins {piece.high - top:.0f} mm below the disc above",
        f"the canal leans {abs(lean):.0f} degrees {'backward' if lean < 0 else 'forward'} towards the feet",
    )
    fits = lean <= _LEAN_DEG and pelvis and abs(piece.high - top) <= _ALA_TOP_MM
    return (Sight.SEEN if fits else Sight.UNCLEAR), said


def _ala_top(seen: _Seen, bone: Mask, piece: _Piece) -> float:
    """Station at which the wings on both sides begin."""
    rows = (_BACK_MM >= -32) & (_BACK_MM <= 5)
    sides = [(sign * _LEFT_MM >= _ALA_LEFT_MM[0]) & (sign * _LEFT_MM <= _ALA_LEFT_MM[1]) for sign in (1, -1)]
    share = np.min([bone[side][:, rows].mean(axis=(0, 1)) for side in sides], axis=0)
    wide = np.flatnonzero(ndimage.gaussian_filter1d(share.astype(float), 2.0) >= _ALA_SHARE)
    return float(wide.max()) if len(wide) else float(piece.low)
