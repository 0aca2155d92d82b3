"""The stages of a balloon's course: preload, inflation, deflation, and what is measured on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from spondyl.errors import InputError, NotConverged
from spondyl.findings.heights import Heights, measure_heights
from spondyl.numerics.compaction import filled_in, laid_on_grid, pack_shell
from spondyl.numerics.elasticity import CORNERS, isotropic
from spondyl.numerics.growing import GrowingBody
from spondyl.numerics.nonlinear import newton_krylov
from spondyl.planning import Balloon
from spondyl.simulation.balloon_device import BalloonDevice
from spondyl.simulation.balloon_records import BAND_MM, LIMITS, BalloonLift, BalloonSettings, BalloonStage, lift_between
from spondyl.simulation.bone import BoneModel
from spondyl.simulation.broken_body import BrokenBody
from spondyl.space import HeightMap, Volume
from spondyl.studies.progress import Progress

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Stop = Literal["nothing", "volume", "restored", "beyond", "pressure", "wall", "shift"]

WATER_MPA = 2200.0  # bulk modulus of what fills a balloon
TISSUE_G_CM3 = 2.0  # of bone without pores, handbook 1.2
SMALLEST = 1 / 64  # of a stage: halved no further
FINEST = 1 / 500  # of all the volume: a limit is searched for no finer
CRUSHED = 0.15  # of the height: a preload that takes more crushes the body
OVER = 1.05  # a limit may be passed by so much before a stage is halved
FLOWING, RETURNING = 0.5, 0.1  # what a first linear step may leave: less helps nothing while most bone yields anew
DEFLATION = (0.7, 0.45, 0.25, 0.1, 0.0)
PRELOAD = (0.25, 0.5, 0.75, 1.0)
WALL_WARNING_MM = 2.0
BULGE_MM = 1.0  # of a side wall: from here on it is warned of
CLEARLY_LOWER = 0.85  # front over back: whole bodies are wedged too, so a front less low says nothing; a choice
THINNEST_MM = 4.0  # of a seated balloon: about what comes out of its cannula; a choice


def run_course(
    broken: BrokenBody,
    balloons: Sequence[Balloon],
    devices: Sequence[BalloonDevice],
    preload_n: float,
    settings: BalloonSettings,
    progress: Progress,
) -> BalloonLift:
    """See `balloon.inflate_balloons`."""
    return _Course(broken, balloons, devices, preload_n, settings, progress).run()


class _Course:
    """A body on its way through the stages."""

    def __init__(
        self,
        broken: BrokenBody,
        balloons: Sequence[Balloon],
        devices: Sequence[BalloonDevice],
        preload_n: float,
        settings: BalloonSettings,
        progress: Progress,
    ) -> None:
        self.broken, self.devices, self.preload_n, self.settings = broken, devices, preload_n, settings
        self.progress = progress
        bone = self.bone = broken.bone
        self.box = bone.model.box
        self.nodes = tuple(slice(part.start, part.stop + 1) for part in self.box)
        self.cavities, self.seats = _seated(bone, balloons, settings)
        self.density = pack_shell(
            bone.density.array, np.any(self.cavities, axis=0), settings.packed_g_cm3, bone.voxel_mm
        )
        self.body = self._body()
        self.known = _nodes_of(np.where(np.any(self.cavities, axis=0), 0.0, bone.model.modulus) > 0)
        self.nearest = ndimage.distance_transform_edt(~self.known, return_distances=False, return_indices=True)
        self.faces = _wall_faces(bone, np.any(self.cavities, axis=0))
        self.walls = np.any(list(self.faces.values()), axis=0)
        self._above = self._nodes_above()
        self.solve = newton_krylov(rtol=settings.tolerance, inner=RETURNING, iterations=25)
        self.displacement: Array = np.zeros(self.body.load.shape)
        self.stages: list[BalloonStage] = []
        self.before: Heights | None = None
        self.wanted: float | None = None  # height of the front that is to be restored; None: no such height is known
        self.highest: float | None = None  # where inflation ends at last; None: nowhere
        self.rest: Array = self.displacement
        self.first = list(self.body.volumes)
        self.stage_error = 0.0

    def run(self) -> BalloonLift:
        settings, body = self.settings, self.body
        unloaded = _measured(self.bone, None)
        load = body.load.copy()
        top = self.bone.model.platens.top[self.nodes]
        even = np.zeros((3, *top.shape))
        even[2] = -self.preload_n * _areas(top)
        even = body.widened(even)

        def press(share: float) -> None:
            body.load = load + share * even

        if self.preload_n > 0:
            for start, end in zip((0.0, *PRELOAD[:-1]), PRELOAD, strict=True):
                self._go(press, start, end)
                self._check_standing()
        self.before = _measured(self.bone, self._whole())
        if settings.stop_when_restored:
            self.wanted = wanted_front(self.before, settings.intact_mm)
            self.highest = self.before.posterior_mm / CLEARLY_LOWER if self.wanted is None else self.wanted
        rest = self.rest = self.displacement.copy()
        first_pushes = [push.copy() for push in body.pushes]
        stop = self._inflate()
        inflated, at_most = _measured(self.bone, self._whole()), self._whole()
        linear = sum(
            first + float(np.vdot(push, self.displacement - rest))
            for first, push in zip(self.first, first_pushes, strict=True)
        )
        wall, bulge, back = self._wall(self.displacement), *self._shifts(self.displacement)
        volume_error = linear / sum(body.volumes) - 1
        self._deflate()
        self.progress(0.95, "laying bone and cavity onto the grid")
        displacement = filled_in(self._whole(), self.known)
        cavity, packed, mass_error = self._handed_over(displacement)
        return BalloonLift(
            self.broken,
            self.preload_n,
            settings,
            tuple(self.stages),
            unloaded,
            self.before,
            inflated,
            _measured(self.bone, displacement),
            stop,
            volume_error,
            self.stage_error,
            wall,
            bulge,
            back,
            np.any(self.cavities, axis=0),
            cavity,
            packed,
            mass_error,
            at_most,
            displacement,
            body.folded,
            self._warnings(stop, wall, bulge, back),
            self._assumptions(),
        )

    def _body(self) -> GrowingBody:
        bone, box = self.bone, self.box
        opened = self.broken.opened_bone
        modulus = opened.model.modulus.copy()
        for cavity in self.cavities:
            modulus[cavity] = 0.0
        held = np.zeros((3, *(part.stop - part.start + 1 for part in box)), bool)
        held[:, bone.model.platens.bottom[self.nodes]] = True
        plane = self.broken.plane
        return GrowingBody(
            isotropic(modulus[box], bone.model.poisson[box]),
            bone.voxel_mm,
            held,
            opened.yield_stress.array[box],
            self.settings.law.for_voxel_size(bone.voxel_mm, BAND_MM),
            onset=_onset(bone.density.array)[box],
            cavities=[cavity[box] for cavity in self.cavities],
            plane=self.broken.parted[box],
            normal=np.array([0.0, 0.0, 1.0]) if plane is None else bone.model.geometry.axes.T @ plane.normal,
            bridged=self.broken.parted_share[box],
            fluid=WATER_MPA / 4000,
        )

    def _inflate(self) -> Stop:
        """Stage by stage to the first limit."""
        last = [
            max(first, 1000 * (device.nominal_ml if self.settings.volume_ml is None else self.settings.volume_ml))
            for first, device in zip(self.first, self.devices, strict=True)
        ]
        shares = _growth(sum(self.first), sum(last), self.settings.growth)

        def fill(share: float) -> None:
            self.body.fill([first + share * (end - first) for first, end in zip(self.first, last, strict=True)])

        self.solve = newton_krylov(rtol=self.settings.tolerance, inner=FLOWING, iterations=40)
        room = self._wall(self.displacement)
        self._closest = min(self.settings.wall_mm, 0.8 * room)
        before: tuple[float, Array] | None = None
        reached = 0.0
        for share in shares:
            self.progress(0.1 + 0.7 * reached, f"inflating, {sum(self.body.volumes) / 1000:.1f} ml in all")
            goals = [share]
            while goals:
                change = goals[-1] - reached
                try:
                    moved = self._balanced(fill, goals[-1], change, before)
                    stop = self._limit(moved)
                except NotConverged:
                    if change / 2 < SMALLEST * (share - reached if len(goals) == 1 else shares[-1]) / 4:
                        raise
                    goals.append(reached + change / 2)
                    continue
                if stop is not None and change > FINEST and not self._just_over(moved, stop):
                    goals.append(reached + change * self._part_to(moved, stop))
                    continue
                before = change, moved - self.displacement
                self._accept(moved, "inflation")
                reached = goals.pop()
                if stop is not None:
                    return stop
        return "volume" if shares else "nothing"

    def _deflate(self) -> None:
        full = self.body.pressures
        self.solve = newton_krylov(rtol=self.settings.tolerance, inner=RETURNING, iterations=25)

        def hold(share: float) -> None:
            self.body.pressures = tuple(share * pressure for pressure in full)

        start = 1.0
        for share in DEFLATION:
            self.progress(0.85, "deflating")
            self._go(hold, start, share)
            self._note("deflation")
            start = share

    def _go(self, set_to: Callable[[float], None], start: float, end: float) -> None:
        """Change a load in one go, or in halves where that cannot be balanced."""
        goals, reached, before = [end], start, None
        while goals:
            change = goals[-1] - reached
            try:
                moved = self._balanced(set_to, goals[-1], change, before)
            except NotConverged:
                if abs(change) < SMALLEST * abs(end - start):
                    raise
                goals.append(reached + change / 2)
                continue
            before = change, moved - self.displacement
            self.body.commit(moved)
            self.displacement = moved
            reached = goals.pop()

    def _balanced(
        self, set_to: Callable[[float], None], goal: float, change: float, before: tuple[float, Array] | None
    ) -> Array:
        """A displacement in balance, from the last one carried on, else from the last one."""
        set_to(goal)
        if before is not None:
            try:
                return self.solve(self.body, self.displacement + min(change / before[0], 2.0) * before[1]).displacement
            except NotConverged:
                pass
        return self.solve(self.body, self.displacement).displacement

    def _accept(self, moved: Array, phase: Literal["inflation", "deflation"]) -> None:
        linear = [self.body.volume_of(cavity, moved) for cavity in range(len(self.cavities))]
        self.body.commit(moved)
        self.displacement = moved
        errors = [abs(told / true - 1) for told, true in zip(linear, self.body.volumes, strict=True)]
        self.stage_error = max(self.stage_error, *errors)
        self._note(phase)

    def _check_standing(self) -> None:
        top = self.bone.model.platens.top[self.nodes]
        sunk = -float(self.body.cut(self.displacement)[2][top].min())
        if sunk > CRUSHED * self.bone.height_mm:
            raise NotConverged(
                f"a preload of {self.preload_n:g} N presses the broken body by {sunk:.1f} mm: it does not bear "
                "that; give less, or check the density"
            )

    def _note(self, phase: Literal["inflation", "deflation"]) -> None:
        assert self.before is not None
        volumes = tuple(volume / 1000 for volume in self.body.volumes)
        skin = [device.skin_pressure(volume) for device, volume in zip(self.devices, volumes, strict=True)]
        pressures = tuple(a + b * (phase == "inflation") for a, b in zip(self.body.pressures, skin, strict=True))
        lift = lift_between(self.before, _measured(self.bone, self._whole()))
        self.stages.append(BalloonStage(phase, volumes, pressures, lift))

    def _limit(self, moved: Array) -> Stop | None:
        """The first limit that this displacement meets."""
        if any(gauge >= device.rated_mpa for gauge, device in zip(self._gauges(moved), self.devices, strict=True)):
            return "pressure"
        if self.highest is not None and self._restored(moved) >= 1:
            return "beyond" if self.wanted is None else "restored"
        if max(self._shifts(moved)) > self.settings.shift_mm:
            return "shift"
        return "wall" if self._wall(moved) < self._closest else None

    def _just_over(self, moved: Array, stop: Stop) -> bool:
        if stop == "pressure":
            return all(g <= OVER * d.rated_mpa for g, d in zip(self._gauges(moved), self.devices, strict=True))
        if stop == "shift":
            return max(self._shifts(moved)) <= OVER * self.settings.shift_mm
        return stop in ("restored", "beyond") and self._restored(moved) <= OVER

    def _part_to(self, moved: Array, stop: Stop) -> float:
        """The part of a stage that just passes a limit: on a line between the stage's start and its end."""
        if stop == "pressure":
            skin = [device.skin_pressure(v / 1000) for device, v in zip(self.devices, self.body.volumes, strict=True)]
            parts = [
                (0.5 * (1 + OVER) * device.rated_mpa - first) / (last - first)
                for device, first, last in zip(
                    self.devices, np.add(self.body.pressures, skin), self._gauges(moved), strict=True
                )
                if last > OVER * device.rated_mpa
            ]
            return float(np.clip(min(parts), 0.1, 0.9))
        if stop == "wall":
            return 0.5
        first, last = (
            self._restored(at) if stop in ("restored", "beyond") else max(self._shifts(at)) / self.settings.shift_mm
            for at in (self.displacement, moved)
        )
        return float(np.clip((0.5 * (1 + OVER) - first) / (last - first), 0.1, 0.9))

    def _gauges(self, moved: Array) -> list[float]:
        return [
            self.body.pressure_of(cavity, moved) + device.skin_pressure(self.body.volume_of(cavity, moved) / 1000)
            for cavity, device in enumerate(self.devices)
        ]

    def _restored(self, moved: Array) -> float:
        """Gain of the front over what it lacks of where it ends; at least 1 where it lacks nothing."""
        assert self.before is not None
        assert self.highest is not None
        now = _measured(self.bone, self._whole(moved)).anterior_mm
        lacking = self.highest - self.before.anterior_mm
        return (now - self.before.anterior_mm) / lacking if lacking > 0.2 else (now >= self.highest + 0.2) * 1.0

    def _wall(self, moved: Array) -> float:
        """Least distance between a cavity's wall and a side wall of the body, both where they are. [mm]"""
        places = self._places(moved)
        inner = np.unique(np.concatenate([wall.faces.ravel() for wall in self.body.walls]))
        outer = places.reshape(3, -1)[:, self._side_nodes(self.walls)]
        return float(cKDTree(outer.T).query(places.reshape(3, -1)[:, inner].T)[0].min())

    def _shifts(self, moved: Array) -> tuple[float, float]:
        """Most that a side wall, and the back wall, moved outward beside the half of the body that they belong to. [mm]

        The front is left out: there the halves part.
        """
        change = self.body.cut(moved - self.rest)
        change = change - self._swing(change)
        parted = _nodes_of(self.broken.parted)[self.nodes]
        most = {
            name: float((sign * change[axis])[nodes[self.nodes] & ~parted].max(initial=0.0))
            for (name, axis, sign), nodes in self.faces.items()
            if name != "front"
        }
        return max(most["left"], most["right"]), most["back"]

    def _nodes_above(self) -> Mask:
        """Nodes above the plane, in the box; all that are as high as its middle or higher where nothing is broken."""
        plane, shape = self.broken.plane, self.bone.model.platens.top.shape
        geometry = self.bone.model.geometry
        places = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1) - 0.5
        normal = np.array([0.0, 0.0, 1.0])
        centre = (np.array(shape) - 2) / 2
        if plane is not None:
            normal, centre = geometry.axes.T @ plane.normal, geometry.indices(plane.point)
        return np.asarray((places - centre) @ normal > 0)[self.nodes]

    def _swing(self, change: Array) -> Array:
        """What nodes above the plane move with the upper platen, as one piece; 0 below it."""
        top = self.bone.model.platens.top[self.nodes]
        places = np.stack(np.meshgrid(*(np.arange(n) for n in top.shape), indexing="ij"), axis=-1).astype(float)
        on_top = np.column_stack([places[top][:, :2], np.ones(int(top.sum()))])
        tilt = np.linalg.lstsq(on_top, change[:, top].T)[0]  # of each part of the movement, over front and left
        level = float(places[top][0, 2])
        sunk = (level - places[..., 2])[None]
        swung = np.moveaxis(places[..., :2] @ tilt[:2] + tilt[2], -1, 0)
        swung = swung + sunk * np.array([tilt[0, 2], tilt[1, 2], 0.0])[:, None, None, None]
        return np.asarray(np.where(self._above, swung, 0.0))

    def _side_nodes(self, walls: Mask) -> Array:
        padded = np.pad(walls[self.nodes], ((0, 0), (0, 0), (0, self.body.extra)))
        return np.flatnonzero(padded.ravel())

    def _places(self, moved: Array) -> Array:
        lines = (self.bone.voxel_mm * np.arange(n) for n in moved.shape[1:])
        return np.stack(np.meshgrid(*lines, indexing="ij")) + moved

    def _whole(self, moved: Array | None = None) -> Array:
        """Displacements on the bone model's grid; nodes without material take those of the nearest with some."""
        whole = np.zeros((3, *self.bone.model.platens.top.shape))
        whole[(slice(None), *self.nodes)] = self.body.cut(self.displacement if moved is None else moved)
        return np.asarray(whole[(slice(None), *self.nearest)])

    def _handed_over(self, displacement: Array) -> tuple[Volume, Volume, float]:
        """Cavity and density where they have moved to, and the relative error of the mass."""
        edge, geometry = self.bone.voxel_mm, self.bone.model.geometry
        share = laid_on_grid(np.any(self.cavities, axis=0).astype(float), displacement, edge, as_volume=True)
        packed = laid_on_grid(self.density, displacement, edge)
        before = float(self.bone.density.array.sum())
        return Volume(share, geometry, "1"), Volume(packed, geometry, "g/cm3"), float(packed.sum()) / before - 1

    def _warnings(self, stop: Stop, wall: float, bulge: float, back: float) -> tuple[str, ...]:
        told = []
        if stop == "pressure":
            rated = min(device.rated_mpa for device in self.devices)
            told.append(f"inflation ended at the rated pressure of {rated:.2f} MPa: beyond it a balloon may rupture")
        full = [stage for stage in self.stages if stage.phase == "inflation"]
        for device, volume in zip(self.devices, full[-1].volumes_ml if full else (), strict=bool(full)):
            if volume > device.nominal_ml * 1.001:
                told.append(f"a balloon holds {volume:.1f} ml, {device.nominal_ml:.1f} ml are nominal: it may rupture")
        if any(pressure < 0 for stage in full for pressure in stage.pressures_mpa):
            told.append("a balloon is drawn into room that another opens (gauge below 0): a real one lies slack")
        if wall < self.settings.wall_mm:
            told.append(f"{wall:.1f} mm of bone are left between a balloon and a side wall: it may breach the wall")
        elif wall < WALL_WARNING_MM:
            told.append(f"only {wall:.1f} mm of bone are left between a balloon and a side wall")
        if bulge > BULGE_MM:
            told.append(f"a side wall moves outward by {bulge:.1f} mm")
        if back > BULGE_MM:
            told.append(f"the back wall moves towards the canal by {back:.1f} mm: fragments may follow it")
        if stop == "shift":
            told.append(
                f"inflation ended because a wall moved outward by {self.settings.shift_mm:g} mm: it may break, and no "
                "endplate was lifted by the rest of the volume"
            )
        if self.body.folded:
            told.append(f"{self.body.folded} voxels are crushed to next to nothing and keep an earlier shape")
        if self.settings.stop_when_restored and self.wanted is None:
            end = (
                "ended with a back clearly lower than the front, as hardly a whole body has it: the model has no "
                "ligaments that would stop it"
                if stop == "beyond"
                else f"went on to another end ({stop})"
            )
            told.append(
                "no height to restore is known: too few undeformed neighbours, and the front is hardly lower than the "
                f"back; inflation {end}, which says nothing of the height that was lost"
            )
        if self.broken.plane is None:
            told.append("nothing is broken in this model: what a balloon cannot open it cannot lift")
        return tuple(told)

    def _assumptions(self) -> tuple[str, ...]:
        told = [*self.broken.assumptions, *LIMITS]
        for device in self.devices:
            told += [text for text in device.assumptions if text not in told]
        told.append(f"bone is packed to {self.settings.packed_g_cm3:g} g/cm³ around the seated balloon: handbook A14")
        for diameter in self.seats:
            if diameter < self.settings.start_diameter_mm:
                told.append(
                    f"a balloon is seated {diameter:g} mm wide, since {self.settings.start_diameter_mm:g} mm would "
                    "reach a side wall: pressures at small volumes hang on that"
                )
        if self.settings.intact_mm is None and self.wanted is not None:
            told.append("the intact height is not known: inflation ends where the front is as high as the back")
        return tuple(told)


def wanted_front(before: Heights, intact_mm: tuple[float, float, float] | None) -> float | None:
    """The height of the front at which inflation ends; None where nothing tells it. [mm]

    Without an intact height from neighbours it is that of the back, but only where the front is clearly lower: in a
    crush both are low, and the back says nothing of what was lost.
    """
    if intact_mm is not None:
        return intact_mm[0]
    return before.posterior_mm if before.anterior_mm < CLEARLY_LOWER * before.posterior_mm else None


def _seated(bone: BoneModel, balloons: Sequence[Balloon], settings: BalloonSettings) -> tuple[list[Mask], list[float]]:
    """Where the balloons lie before they are inflated, and how wide: all of it must be bone, and they must not meet.

    One that reaches a side wall is seated thinner, and as much shorter, by millimetres: within its wider seat.
    """
    found: list[Mask] = []
    widths: list[float] = []
    for balloon in balloons:
        here, width = _placed(bone, balloon, settings.start_diameter_mm)
        if any((here & other).any() for other in found):
            raise InputError("the balloons meet when they are seated: move them apart, or use one")
        found.append(here)
        widths.append(width)
    return found, widths


def _placed(bone: BoneModel, balloon: Balloon, widest_mm: float) -> tuple[Mask, float]:
    """The widest seat that lies within bone and off the side walls."""
    thinner = np.arange(np.ceil(widest_mm) - 1, THINNEST_MM - 0.5, -1.0)
    outside = False
    for width in (widest_mm, *thinner.tolist()):
        here = _capsule(bone, balloon, width, balloon.length_mm - max(widest_mm - width, 0.0))
        outside = not here.any() or bool((here & (bone.density.array == 0)).any())
        if not outside and not (_nodes_of(here) & np.any(list(_wall_faces(bone, here).values()), axis=0)).any():
            return here, width
    narrowest = min(widest_mm, THINNEST_MM)
    where = "does not lie within the bone" if outside else "touches a side wall"
    raise InputError(
        f"the {balloon.side.value} balloon {where} of {bone.level.name} when it is seated ({narrowest:g} mm wide): "
        "move it inward, or take a shorter one"
    )


def _capsule(bone: BoneModel, balloon: Balloon, diameter_mm: float, length_mm: float) -> Array:
    """Voxels whose middle lies in a rod with round ends about the balloon's middle, bool."""
    geometry = bone.model.geometry
    places = geometry.points(np.stack(np.meshgrid(*(np.arange(n) for n in geometry.shape), indexing="ij"), axis=-1))
    radius = min(diameter_mm, length_mm) / 2
    reach = length_mm / 2 - radius
    off = places - balloon.centre
    along = np.clip(off @ balloon.axis, -reach, reach)
    return np.asarray(np.linalg.norm(off - along[..., None] * balloon.axis, axis=-1) <= radius)


def _onset(density: Array) -> Array:
    """Share of volume lost at which pores are used up: 1 - 1.4 ρ_app / ρ_tissue (handbook 5 and 1.2)."""
    apparent = (0.079 + 0.877 * density) / 0.6
    return np.asarray(np.clip(1 - 1.4 * apparent / TISSUE_G_CM3, 0.02, 0.95))


def _growth(first: float, last: float, growth: float) -> list[float]:
    """Shares of the way at the ends of the stages: small ones first, since all yields at the start."""
    if last <= first * 1.001:
        return []
    volumes = [first * (1 + growth * share) for share in (0.1, 0.3, 0.6, 1.0)]
    while volumes[-1] * (1 + growth) < last:
        volumes.append(volumes[-1] * (1 + growth))
    volumes = [volume for volume in volumes if volume < 0.98 * last]
    return [(volume - first) / (last - first) for volume in volumes] + [1.0]


def _nodes_of(solid: Mask) -> Mask:
    nodes = np.zeros([n + 1 for n in solid.shape], bool)
    a, b, c = solid.shape
    for i, j, k in CORNERS:
        nodes[i : i + a, j : j + b, k : k + c] |= solid
    return nodes


def _areas(top: Mask) -> Array:
    """Each top node's share of the force: it counts by how many of the platen's faces it has a corner of."""
    level = int(np.nonzero(top)[2][0])
    plane = top[:, :, level]
    faces = plane[:-1, :-1] & plane[1:, :-1] & plane[:-1, 1:] & plane[1:, 1:]
    weights = np.zeros(top.shape)
    for a in (0, 1):
        for b in (0, 1):
            weights[a : a + faces.shape[0], b : b + faces.shape[1], level] += faces
    return np.asarray(weights / weights.sum())


def _wall_faces(bone: BoneModel, cavity: Mask) -> dict[tuple[str, int, int], Mask]:
    """Nodes on the bone's own side walls, between bone and nothing, by where they look: name, axis and sign of it."""
    solid = (bone.model.modulus > 0) | cavity
    of_bone = bone.density.array > 0
    found = {}
    for name, axis, side in (("front", 0, 1), ("back", 0, -1), ("left", 1, 1), ("right", 1, -1)):
        nodes = np.zeros([n + 1 for n in solid.shape], bool)
        bare = of_bone & ~np.roll(solid, -side, axis)
        at = np.argwhere(bare)
        at[:, axis] += side > 0
        for one in (0, 1):
            for other in (0, 1):
                corner = at.copy()
                corner[:, 1 - axis] += one
                corner[:, 2] += other
                nodes[tuple(corner.T)] = True
        found[name, axis, side] = nodes
    return found


def _measured(bone: BoneModel, displacement: Array | None) -> Heights:
    """Heights as `findings` measures them, on the endplates where they have moved to."""
    vertebra = bone.vertebra
    if displacement is not None and vertebra.superior is not None and vertebra.inferior is not None:
        vertebra = replace(
            vertebra,
            superior=_moved(vertebra.superior, bone, displacement),
            inferior=_moved(vertebra.inferior, bone, displacement),
        )
    heights = measure_heights(vertebra)
    if isinstance(heights, str):
        raise InputError(f"heights of {bone.level.name} cannot be measured: {heights}")
    return heights


def _moved(plate: HeightMap, bone: BoneModel, displacement: Array) -> HeightMap:
    """The endplate with its points moved along the cranial axis: sites follow the bone, so a swing shifts none."""
    cranial = bone.model.geometry.axes.T @ plate.frame.cranial
    places = bone.model.geometry.indices(plate.points()) + 0.5
    filled = np.moveaxis(np.where(np.isfinite(places), places, 0.0), -1, 0)
    rise = sum(
        share * ndimage.map_coordinates(part, filled, order=1)
        for share, part in zip(cranial, displacement, strict=True)
    )
    return replace(plate, height_mm=plate.height_mm + rise)
