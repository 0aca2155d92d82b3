"""What is true of a virtual patient: heights, axes and densities, from the exact surfaces.

Everything is integrated here over the analytic surfaces by the definitions of docs/nomenclature.md, without any code of
`findings` or `spine`, because it is what those are tested against.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from typing import Any

import numpy as np

from spondyl.errors import InputError
from spondyl.space import Floats, Frame, HeightMap, read_only
from spondyl.spine import Level, Side
from spondyl.synthetic.body import Body
from spondyl.synthetic.spec import Deformity, Endplate, VirtualSpineSpec, defects_of
from spondyl.synthetic.vertebra import VertebraShape

_STEP_MM = 0.2  # of the integration over the endplates
_PLANE_RIM_MM = 3.0  # of the footprint that does not count for the endplates' planes
_SLAB_MM = 6.0
_BANDS = ((0.05, 0.20), (0.40, 0.60), (0.80, 0.95))  # anterior, middle, posterior, of the depth from the front
_VOLUME_STEP_MM = 0.7
_MAP_STEP_MM = 1.0  # of the surfaces kept in the record


@dataclass(frozen=True, eq=False)
class PedicleTruth:
    """One pedicle as it was built."""

    side: Side
    isthmus: Floats  # (3,), centre of the narrowest section, patient mm
    axis: Floats  # (3,), unit vector from the arch into the body, LPS
    width_mm: float
    height_mm: float

    def __post_init__(self) -> None:
        for name in ("isthmus", "axis"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.side, self.isthmus, self.axis, self.width_mm, self.height_mm)


@dataclass(frozen=True, eq=False)
class BodyMeasures:
    """Frame, heights and surfaces of one body by the default height definition. [mm, patient LPS]"""

    frame: Frame
    superior_normal: Floats  # (3,), unit normals of the endplates' least-squares planes, to the head
    inferior_normal: Floats
    anterior_wall_mm: float  # mean wall positions along the anterior axis of the frame
    posterior_wall_mm: float
    anterior_mm: float  # heights
    middle_mm: float
    posterior_mm: float
    volume_mm3: float

    def __post_init__(self) -> None:
        for name in ("superior_normal", "inferior_normal"):
            object.__setattr__(self, name, read_only(getattr(self, name), np.float64))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    @property
    def depth_mm(self) -> float:
        """Distance of the mean walls."""
        return self.anterior_wall_mm - self.posterior_wall_mm

    @property
    def heights_mm(self) -> tuple[float, float, float]:
        """Anterior, middle and posterior height."""
        return self.anterior_mm, self.middle_mm, self.posterior_mm

    @property
    def wedge_deg(self) -> float:
        """Angle between the endplates' planes in the midsagittal plane, positive when the front is lower."""
        return _turn_about(self.frame.left, self.inferior_normal, self.superior_normal)


@dataclass(frozen=True, eq=False)
class LevelTruth:
    """What is true of one vertebra of a virtual patient."""

    level: Level
    body: BodyMeasures
    intact_heights_mm: tuple[float, float, float]  # anterior, middle, posterior before the deformity
    superior: HeightMap  # endplates and walls in the frame of `body`
    inferior: HeightMap
    anterior: HeightMap
    posterior: HeightMap
    pedicles: tuple[PedicleTruth, ...]
    density_mg_cm3: float  # mean trabecular density of the body, K2HPO4 equivalent
    shell_mm: float
    canal_area_mm2: float  # cross-section square to the cranial axis, without a bulge of the wall
    deformity: str | None  # "wedge", "biconcave", "crush"; None: not deformed
    defects: tuple[str, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, item.name) for item in fields(self))

    def pedicle(self, side: Side) -> PedicleTruth:
        """The pedicle of one side."""
        return next(pedicle for pedicle in self.pedicles if pedicle.side is side)


@dataclass(frozen=True, eq=False)
class VirtualTruth:
    """What is true of a virtual patient, level by level."""

    levels: tuple[LevelTruth, ...]
    energy_kev: float
    tissue_hu: dict[str, float]  # by tissue, without noise and blur
    description: str

    def __getitem__(self, level: Level | str) -> LevelTruth:
        wanted = Level.parse(level) if isinstance(level, str) else level
        for truth in self.levels:
            if truth.level is wanted:
                return truth
        names = ", ".join(truth.level.name for truth in self.levels)
        raise InputError(f"{wanted.name} is not in this virtual patient; its levels are {names}")

    def cobb_deg(self, upper: Level, lower: Level) -> float:
        """Coronal angle from the superior endplate of one level to the inferior one of a lower level, signed.

        Seen in the patient's coronal plane; positive when the upper endplate leans further to the left.
        """
        return _turn_about(
            np.array([0.0, 1.0, 0.0]), self[lower].body.inferior_normal, self[upper].body.superior_normal
        )

    def sagittal_deg(self, upper: Level, lower: Level) -> float:
        """Sagittal angle between the same endplates, positive for kyphosis."""
        return _turn_about(
            np.array([1.0, 0.0, 0.0]), self[lower].body.inferior_normal, self[upper].body.superior_normal
        )

    def as_json(self) -> dict[str, Any]:
        """The whole record as numbers, text, lists and dictionaries."""
        return as_json(self)


def as_json(record: Any) -> dict[str, Any]:
    """A record of this package (truth, spec) as numbers, text, lists and dictionaries; levels by name, NaN as None."""
    return {item.name: _as_json(getattr(record, item.name)) for item in fields(record)}


def measure_body(body: Body, placed: Frame) -> BodyMeasures:
    """Frame and heights of an analytic body that stands in a frame of its own."""
    superior, inferior = (_plane_normal(body, which) for which in (Endplate.SUPERIOR, Endplate.INFERIOR))
    volume, centroid = _volume(body)
    local = Frame.from_directions(centroid, superior + inferior, np.array([0.0, 1.0, 0.0]))
    front, back = _mean_walls(body, local)
    anterior, middle, posterior = (_band_height(body, local, front, back, band) for band in _BANDS)
    return BodyMeasures(
        _turned(local, placed),
        placed.axes @ superior,
        placed.axes @ inferior,
        front,
        back,
        anterior,
        middle,
        posterior,
        volume,
    )


def matched_deformity(body: Body, placed: Frame, wanted: Deformity) -> Deformity:
    """The shape parameters that give a body exactly the wanted fractions of its intact heights.

    The band means of a smooth surface in a turned frame are not the values at its knots, so the knots are corrected
    until the measured heights agree to 0.005 mm.
    """
    intact = np.array(measure_body(body.intact(), placed).heights_mm)
    target = intact * (wanted.anterior, wanted.middle, wanted.posterior)
    knots = target / intact
    for _ in range(12):
        tried = replace(wanted, anterior=knots[0], middle=knots[1], posterior=knots[2])
        found = np.array(measure_body(replace(body.intact(), deformity=tried), placed).heights_mm)
        if np.abs(found - target).max() < 0.005:
            return tried
        knots = np.clip(knots * target / found, 0.2, 1.3)
    raise InputError(
        f"heights of {target.round(1)} mm cannot be reached by a smooth endplate: choose fractions nearer to each other"
    )


def level_truth(shape: VertebraShape, spec: VirtualSpineSpec) -> LevelTruth:
    """The record of one vertebra."""
    measures = measure_body(shape.body, shape.frame)
    placed = shape.frame
    axes = placed.axes.T @ measures.frame.axes
    local = Frame(placed.to_local(measures.frame.origin), axes[:, 0], axes[:, 1], axes[:, 2])
    anterior, posterior = _wall_maps(shape.body, local, measures.frame)
    density = spec.density(shape.level)
    return LevelTruth(
        level=shape.level,
        body=measures,
        intact_heights_mm=measure_body(shape.body.intact(), placed).heights_mm,
        superior=_plate_map(shape.body, Endplate.SUPERIOR, local, measures.frame),
        inferior=_plate_map(shape.body, Endplate.INFERIOR, local, measures.frame),
        anterior=anterior,
        posterior=posterior,
        pedicles=tuple(
            PedicleTruth(p.side, placed.to_patient(p.isthmus), placed.axes @ p.axis, p.width_mm, p.height_mm)
            for p in shape.pedicles
        ),
        density_mg_cm3=density,
        shell_mm=shape.shell_mm,
        canal_area_mm2=float(np.pi / 4 * shape.size.canal_depth_mm * shape.size.canal_width_mm),
        deformity=None if shape.options.deformity is None else shape.options.deformity.shape,
        defects=defects_of(shape.options, density),
    )


def _turned(local: Frame, placed: Frame) -> Frame:
    """A frame given in the coordinates of another one, in patient space."""
    axes = placed.axes @ local.axes
    return Frame(placed.to_patient(local.origin), axes[:, 0], axes[:, 1], axes[:, 2])


def _plane_normal(body: Body, which: Endplate) -> Floats:
    """Unit normal, to the head, of an endplate's least-squares plane over the footprint without its rim."""
    a, left = _footprint_grid(body)
    chosen = body.inset(a, left) >= _PLANE_RIM_MM
    z, a, left = body.endplate(which, a, left)[chosen], a[chosen], left[chosen]
    slopes = np.linalg.lstsq(np.stack([a, left, np.ones_like(a)], axis=1), z, rcond=None)[0]
    normal = np.array([1.0, -slopes[0], -slopes[1]])
    return np.asarray(normal / np.linalg.norm(normal))


def _footprint_grid(body: Body) -> tuple[Floats, Floats]:
    a = np.arange(-body.depth_mm / 2 - 2, body.depth_mm / 2 + 2, 2 * _STEP_MM)
    left = np.arange(-body.width_mm / 2, body.width_mm / 2 + _STEP_MM, 2 * _STEP_MM)
    grid = np.meshgrid(a, left, indexing="ij")
    return grid[0], grid[1]


def _volume(body: Body) -> tuple[float, Floats]:
    """Volume and centroid, (cranial, anterior, left), of the body. [mm³, mm]"""
    bottom, top = body.ends
    step = np.float32(_VOLUME_STEP_MM)
    c = np.arange(bottom - 5, top + 5, step, dtype=np.float32)
    a = np.arange(-body.depth_mm / 2 - 11, body.depth_mm / 2 + 3, step, dtype=np.float32)
    left = np.arange(-body.width_mm / 2 - 2, body.width_mm / 2 + 2, step, dtype=np.float32)
    grid = np.meshgrid(c, a, left, indexing="ij")
    share = np.clip(body.distance(*grid) / step + 0.5, 0, 1)
    total = float(share.sum(dtype=np.float64))
    return total * _VOLUME_STEP_MM**3, np.array([float((share * x).sum(dtype=np.float64)) / total for x in grid])


def _plate_heights(body: Body, which: Endplate, local: Frame, a: Floats, left: Floats) -> Floats:
    """Where lines along the cranial axis of `local` through (anterior, left) meet an endplate."""
    c = np.zeros_like(a)
    for _ in range(20):  # a fixed point: endplates are nearly square to the axis, so it contracts fast
        point = local.to_patient(np.stack([c, a, left], axis=-1))
        c = c - (point[..., 0] - body.endplate(which, point[..., 1], point[..., 2]))
    return c


def _wall_places(body: Body, which: int, local: Frame, c: Floats, left: Floats) -> Floats:
    """Where lines along the anterior axis of `local` through (cranial, left) meet the front (0) or back (1) wall."""
    a = np.zeros_like(c)
    for _ in range(20):
        point = local.to_patient(np.stack([c, a, left], axis=-1))
        a = a - (point[..., 1] - body.wall(point[..., 0], point[..., 2])[which])
    return a


def _mean_walls(body: Body, local: Frame) -> tuple[float, float]:
    """Mean place of both walls over the middle third of the height within the slab."""
    left = np.arange(-_SLAB_MM + _STEP_MM / 2, _SLAB_MM, _STEP_MM)
    along = np.linspace(-0.45, 0.45, 91) * body.depth_mm
    a, across = np.meshgrid(along, left, indexing="ij")
    ends = [float(_plate_heights(body, which, local, a, across).mean()) for which in Endplate]
    top, bottom = max(ends), min(ends)
    thirds = np.linspace(bottom + (top - bottom) / 3, top - (top - bottom) / 3, 61)
    c, across = np.meshgrid(thirds, left, indexing="ij")
    front, back = (float(_wall_places(body, which, local, c, across).mean()) for which in (0, 1))
    return front, back


def _band_height(body: Body, local: Frame, front: float, back: float, band: tuple[float, float]) -> float:
    """Mean height over a band of the depth and the slab, along the cranial axis of `local`."""
    edges = front - np.array(band) * (front - back)
    count = int(np.ceil((edges[0] - edges[1]) / _STEP_MM))
    places = edges[1] + (np.arange(count) + 0.5) * (edges[0] - edges[1]) / count
    a, left = np.meshgrid(places, np.arange(-_SLAB_MM + _STEP_MM / 2, _SLAB_MM, _STEP_MM), indexing="ij")
    top, bottom = (_plate_heights(body, which, local, a, left) for which in (Endplate.SUPERIOR, Endplate.INFERIOR))
    return float((top - bottom).mean())


def _plate_map(body: Body, which: Endplate, local: Frame, frame: Frame) -> HeightMap:
    a = np.arange(-np.ceil(body.depth_mm / 2) - 2, np.ceil(body.depth_mm / 2) + 3, _MAP_STEP_MM)
    left = np.arange(-np.ceil(body.width_mm / 2), np.ceil(body.width_mm / 2) + 1, _MAP_STEP_MM)
    grid = np.meshgrid(a, left, indexing="ij")
    heights = _plate_heights(body, which, local, *grid)
    point = local.to_patient(np.stack([heights, *grid], axis=-1))
    inside = body.inset(point[..., 1], point[..., 2]) >= 0
    return HeightMap(frame, "cranial", a, left, np.where(inside, heights, np.nan), 0.0)


def _wall_maps(body: Body, local: Frame, frame: Frame) -> tuple[HeightMap, HeightMap]:
    bottom, top = body.ends
    shift = float(local.to_local(np.zeros(3))[0])
    c = np.arange(np.ceil(bottom + shift) + 1, np.floor(top + shift), _MAP_STEP_MM)
    left = np.arange(-10.0, 11.0, _MAP_STEP_MM)
    grid = np.meshgrid(c, left, indexing="ij")
    front, back = (_wall_places(body, which, local, *grid) for which in (0, 1))
    return HeightMap(frame, "anterior", c, left, front, 0.0), HeightMap(frame, "anterior", c, left, back, 0.0)


def _turn_about(axis: Floats, first: Floats, second: Floats) -> float:
    """Angle from one direction to another, seen along an axis, right-handed. [deg]"""
    one, other = (vector - (vector @ axis) * axis for vector in (first, second))
    return float(np.degrees(np.arctan2(np.cross(one, other) @ axis, one @ other)))


def _as_json(value: Any) -> Any:
    if isinstance(value, Level):
        return value.name
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.ndarray):
        return _as_json(value.tolist())
    if is_dataclass(value):
        return as_json(value)
    if isinstance(value, dict):
        return {key.name if isinstance(key, Level) else str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
