"""Ways out of a vertebral body for cement: defects found in the CT, veins of anatomy, the track of a needle."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite, pi, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.findings.endplates import End, find_pit
from spondyl.findings.walls import Wall, look_at_wall
from spondyl.planning import NeedlePath
from spondyl.simulation.outlets import Outlet, slit, tube
from spondyl.space import Floats, Frame, Geometry
from spondyl.spine import Side, Spine, Vertebra

Array = NDArray[Any]
Mask = NDArray[np.bool_]

# Widths in mm, as bracket: no source was read for any, so each result lists them.
CRACK_MM = (0.1, 2.0)  # a defect's aperture; CT shows that it is there, not how far it gapes
BASIVERTEBRAL_MM = (1.0, 4.0)  # diameter
SEGMENTAL_MM = (0.5, 2.0)  # diameter
TRACK_MM = (0.02, 0.3)  # between needle and bone
SHELL_MM = 1.0  # length of a way through endplate or shell
BASIVERTEBRAL_LENGTH_MM, SEGMENTAL_LENGTH_MM = 20.0, 30.0
MOUTH_MM = 1.0  # radius of a vein's mouth on the wall

ASSUMPTIONS = (
    "widths of cracks (0.1 to 2 mm), of basivertebral (1 to 4 mm) and segmental veins (0.5 to 2 mm) and of the gap "
    "around a needle (0.02 to 0.3 mm) are this program's brackets, as are lengths: no source was read",
    "bone within 3 mm of a crack's mouth is as open as spongy bone: the crack runs through all of the dense layer",
    "veins lie where anatomy has them, one basivertebral and two segmental, not where this patient's are",
    "discs, canal and veins push back with no pressure of their own; cracks too thin for CT are not there",
    "the shell is closed for cement; marrow leaves through it without resistance",
)


class LeakPath(StrEnum):
    """Where leaked cement goes."""

    DISC_SUPERIOR = "disc_superior"
    DISC_INFERIOR = "disc_inferior"
    EPIDURAL = "epidural"
    PARAVERTEBRAL = "paravertebral"
    VENOUS = "venous"
    TRACK = "track"


@dataclass(frozen=True)
class Opening:
    """One way out. Its width is what is least known: `outlet` takes another."""

    label: int
    name: str
    path: LeakPath
    low_mm: float  # bracket of the width: of a crack's gap, of a vein's diameter
    high_mm: float
    breadth_mm: float | None  # of a crack; None: a round vein
    length_mm: float
    origin: str  # "found in the CT", "anatomy", "needle"

    def __post_init__(self) -> None:
        sizes = (self.low_mm, self.high_mm, self.length_mm, self.breadth_mm or 1.0)
        if not (all(isfinite(size) and size > 0 for size in sizes) and self.low_mm <= self.high_mm):
            raise InputError(f"opening {self.name}: sizes {sizes} mm; numbers above 0, low before high, are expected")

    @property
    def width_mm(self) -> float:
        """The geometric middle of the bracket."""
        return sqrt(self.low_mm * self.high_mm)

    def outlet(self, width_mm: float | None = None) -> Outlet:
        """As a way of this width, else of the middle one."""
        width = self.width_mm if width_mm is None else width_mm
        if self.breadth_mm is None:
            return tube(self.name, radius_mm=width / 2, length_mm=self.length_mm)
        return slit(self.name, aperture_mm=width, breadth_mm=self.breadth_mm, length_mm=self.length_mm)


@dataclass(frozen=True)
class Vein:
    """A straight channel inside the body, in its own axes (cranial, anterior, left), from the middle to its mouth."""

    label: int
    start_mm: tuple[float, float, float]
    end_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Ways:
    """Openings of one body, their veins inside it, and what could not be looked at."""

    openings: tuple[Opening, ...]
    veins: tuple[Vein, ...]
    notes: tuple[str, ...]


class Labels:
    """Voxels of a body's surface, marked opening by opening; a voxel belongs to the first that takes it."""

    def __init__(self, bone: Mask, geometry: Geometry, frame: Frame, marked: Array | None = None) -> None:
        self.bone, self.geometry, self.frame = bone, geometry, frame
        self.array = np.zeros(bone.shape, np.int16) if marked is None else marked.copy()

    def mark_column(self, label: int, local_mm: Floats, axis: int, towards: int) -> int:
        """Mark the outermost voxel of bone in the grid column through each place; the number of voxels marked.

        Places are (cranial, anterior, left), shape (n, 3); `axis` is the grid's, `towards` 1 or -1.
        """
        cells = np.rint(self.geometry.indices(self.frame.to_patient(local_mm))).astype(int)
        for cell in {tuple(np.delete(cell, axis)) for cell in cells}:
            index = [*cell[:axis], slice(None), *cell[axis:]]
            if all(0 <= i < n for i, n in zip(cell, np.delete(self.bone.shape, axis), strict=True)):
                filled = np.flatnonzero(self.bone[tuple(index)])
                if len(filled):
                    index[axis] = filled[-1] if towards > 0 else filled[0]
                    self.mark(label, tuple(index))
        return int((self.array == label).sum())

    def mark(self, label: int, cell: tuple[Any, ...]) -> None:
        """Mark one voxel, unless an opening has it."""
        if self.array[cell] == 0:
            self.array[cell] = label

    def leaves_at(self, start: Floats, direction: Floats) -> Floats | None:
        """The last place within bone on a straight way in patient mm; None where it starts outside."""
        places = start + np.arange(0.0, 80.0, 0.25)[:, None] * direction
        cells = np.rint(self.geometry.indices(places)).astype(int)
        inside: Array = np.all((cells >= 0) & (cells < self.bone.shape), axis=1)
        inside[inside] = self.bone[tuple(cells[inside].T)]
        if not inside[0]:
            return None
        return np.asarray(places[len(inside) - 1 if inside.all() else int(np.argmin(inside)) - 1])


def find_openings_of(spine: Spine, vertebra: Vertebra, labels: Labels) -> Ways:
    """Openings of a body: pits of its endplates and gaps of its walls where the CT shows them, and the usual veins.

    Marks their voxels in `labels`. Gaps and pits are 'look here', not a diagnosis: each counts as a crack of unknown
    gape. Side walls are not looked at.
    """
    openings: list[Opening] = []
    veins: list[Vein] = []
    notes: list[str] = []
    for end in ("superior", "inferior"):
        _add_pit(vertebra, end, labels, openings, notes)
    foramen: tuple[tuple[float, float], ...] = ()
    for wall in ("anterior", "posterior"):
        gaps = look_at_wall(vertebra, wall, spine.ct)
        if isinstance(gaps, str):
            notes.append(f"{wall} wall: gaps cannot be told ({gaps}); none is in the model")
            continue
        foramen = gaps.foramen_places_mm or foramen
        if gaps.places_mm:
            _add_gap(vertebra, wall, gaps.places_mm, gaps.area_mm2, labels, openings)
    _add_basivertebral(vertebra, foramen, labels, openings, veins)
    for side in Side:
        _add_segmental(side, labels, openings, veins)
    return Ways(tuple(openings), tuple(veins), tuple(notes))


def find_tracks(needles: Iterable[NeedlePath], labels: Labels, first_label: int) -> tuple[Opening, ...]:
    """The gap around each needle where it comes into the body."""
    tracks: list[Opening] = []
    for needle in needles:
        label = first_label + len(tracks)
        place = labels.leaves_at(needle.target, -needle.direction)
        if place is None:
            raise InputError(
                f"the tip of the {needle.side.value} needle lies outside the body's bone: move the tip, or check "
                "the label"
            )
        labels.mark(label, tuple(np.rint(labels.geometry.indices(place)).astype(int)))
        if (labels.array == label).any():
            length = max(float(np.linalg.norm(needle.entry - place)), SHELL_MM)
            name = f"track of the {needle.side.value} needle"
            tracks.append(
                Opening(label, name, LeakPath.TRACK, *TRACK_MM, pi * needle.outer_diameter_mm, length, "needle")
            )
    return tuple(tracks)


def _add_pit(vertebra: Vertebra, end: End, labels: Labels, openings: list[Opening], notes: list[str]) -> None:
    plate = vertebra.superior if end == "superior" else vertebra.inferior
    pit = None if plate is None else find_pit(plate, end)
    if pit is None:
        notes.append(f"{end} endplate: defects cannot be told (endplate not found); none is in the model")
        return
    if not pit.places_mm:
        return
    label, up = len(openings) + 1, 1 if end == "superior" else -1
    places = np.array([(0.0, a, left) for a, left in pit.places_mm])
    if labels.mark_column(label, places, 2, up):
        path = LeakPath.DISC_SUPERIOR if end == "superior" else LeakPath.DISC_INFERIOR
        openings.append(
            Opening(label, f"{end} endplate defect", path, *CRACK_MM, sqrt(pit.area_mm2), SHELL_MM, "found in the CT")
        )


def _add_gap(
    vertebra: Vertebra,
    wall: Wall,
    places_mm: tuple[tuple[float, float], ...],
    area_mm2: float,
    labels: Labels,
    openings: list[Opening],
) -> None:
    label = len(openings) + 1
    places = np.array([(up, 0.0, left) for up, left in places_mm])
    if labels.mark_column(label, places, 0, 1 if wall == "anterior" else -1):
        path = LeakPath.PARAVERTEBRAL if wall == "anterior" else LeakPath.EPIDURAL
        openings.append(
            Opening(label, f"gap of the {wall} wall", path, *CRACK_MM, sqrt(area_mm2), SHELL_MM, "found in the CT")
        )


def _add_basivertebral(
    vertebra: Vertebra,
    foramen: tuple[tuple[float, float], ...],
    labels: Labels,
    openings: list[Opening],
    veins: list[Vein],
) -> None:
    """From the middle of the body straight back to its foramen: where the CT shows it, else half way up."""
    up, left = np.mean(foramen, axis=0) if foramen else (0.0, 0.0)
    label = len(openings) + 1
    if not labels.mark_column(label, _disc(float(up), float(left)), 0, -1):
        return
    cells = np.argwhere(labels.array == label)
    back = float(labels.frame.to_local(labels.geometry.points(cells))[:, 1].min())
    origin = "found in the CT" if foramen else "anatomy"
    openings.append(
        Opening(
            label, "basivertebral vein", LeakPath.EPIDURAL, *BASIVERTEBRAL_MM, None, BASIVERTEBRAL_LENGTH_MM, origin
        )
    )
    veins.append(Vein(label, (float(up), 0.0, float(left)), (float(up), back, float(left))))


def _add_segmental(side: Side, labels: Labels, openings: list[Opening], veins: list[Vein]) -> None:
    """From the middle half to the front and half to the side, to the wall."""
    frame, label = labels.frame, len(openings) + 1
    across = frame.left if side is Side.LEFT else -frame.left
    place = labels.leaves_at(frame.origin, (frame.anterior + across) / sqrt(2))
    if place is None:
        return
    labels.mark(label, tuple(np.rint(labels.geometry.indices(place)).astype(int)))
    if (labels.array == label).any():
        name = f"{side.value} segmental vein"
        openings.append(Opening(label, name, LeakPath.VENOUS, *SEGMENTAL_MM, None, SEGMENTAL_LENGTH_MM, "anatomy"))
        up, front, left = (float(value) for value in frame.to_local(place))
        veins.append(Vein(label, (0.0, 0.0, 0.0), (up, front, left)))


def _disc(up: float, left: float) -> Floats:
    """Places within a vein's mouth on a wall seen from behind, (cranial, anterior, left)."""
    steps = np.arange(-MOUTH_MM, MOUTH_MM + 0.25, 0.5)
    a, b = (grid.ravel() for grid in np.meshgrid(steps, steps))
    round_ = np.hypot(a, b) <= MOUTH_MM
    return np.stack([up + a[round_], np.zeros(round_.sum()), left + b[round_]], axis=1)
