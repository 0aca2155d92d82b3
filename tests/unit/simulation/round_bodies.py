"""A round body of even marrow with flat ends, along the CT's axes, and needles into it: for injections by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spondyl.planning import Angles, Approach, CementVolume, NeedlePath, Plan
from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Side, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

RADIUS, HEIGHT, HU = 16.0, 24.0, 100.0
BODY_ML = np.pi * RADIUS**2 * HEIGHT / 1000
PIT_MM = 4.0  # radius of a pit on the map of an endplate

Local = tuple[float, float, float]  # cranial, anterior, left


def round_spine(
    *,
    pit: tuple[str, float, float] | None = None,  # end, anterior, left
    mirror: bool = False,
    kvp: float | None = 120.0,
) -> Spine:
    """L1 as a cylinder of 100 HU in 0 HU. In the mirror, left is right: grid, frame and pit are turned."""
    turn = -1.0 if mirror else 1.0
    pose = np.diag([turn, 1.0, 1.0, 1.0])
    grid = Geometry(pose, (40, 40, 32))
    centre = np.array([turn * 19.5, 19.5, 15.5])
    frame = Frame.from_directions(centre, (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
    points = grid.points(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    local = frame.to_local(points)
    inside = (np.hypot(local[..., 1], local[..., 2]) < RADIUS) & (np.abs(local[..., 0]) < HEIGHT / 2)
    mask = Volume(inside, grid, "1")
    plates = [plate(frame, end, pit, turn) for end in ("superior", "inferior")]
    body = Vertebra(Level.L1, mask, mask, frame, *plates, None, None, (), ())
    ct = Volume(np.where(inside, HU, 0.0).astype(np.float32), grid, "[hnsf'U]")
    return Spine(Study(ct, Scan(kvp=kvp, contrast=False), Patient()), grid, (body,), None)


GAP = 6.0  # between stacked bodies, where their discs are


def stacked_spine(*, patient: Patient | None = None, kvp: float | None = 120.0) -> Spine:
    """T12, L1 and L2 as three such bodies on one axis, 6 mm apart; voxels of 1.1 mm lie on no grid of 2 mm."""
    grid = Geometry(np.diag([1.1, 1.1, 1.1, 1.0]), (36, 36, 84))
    points = grid.points(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1))
    everything, bodies = np.zeros(grid.shape, bool), []
    for number, level in enumerate((Level.L2, Level.L1, Level.T12)):
        centre = np.array([19.0, 19.0, 15.0 + number * (HEIGHT + GAP)])
        frame = Frame.from_directions(centre, (0.0, 0.0, 1.0), (0.0, -1.0, 0.0))
        local = frame.to_local(points)
        inside = (np.hypot(local[..., 1], local[..., 2]) < RADIUS) & (np.abs(local[..., 0]) < HEIGHT / 2)
        mask = Volume(inside, grid, "1")
        bodies.append(Vertebra(level, mask, mask, frame, None, None, None, None, (), ()))
        everything |= inside
    ct = Volume(np.where(everything, HU, 0.0).astype(np.float32), grid, "[hnsf'U]")
    study = Study(ct, Scan(kvp=kvp, contrast=False), Patient() if patient is None else patient)
    return Spine(study, grid, tuple(reversed(bodies)), None)


def plate(frame: Frame, end: str, pit: tuple[str, float, float] | None, turn: float) -> HeightMap:
    """A flat endplate, with a pit of 3 mm where one is asked for."""
    axis = np.arange(-14.0, 14.5)
    a, left = np.meshgrid(axis, axis, indexing="ij")
    sign = 1.0 if end == "superior" else -1.0
    height = np.full(a.shape, sign * HEIGHT / 2)
    if pit is not None and pit[0] == end:
        height[np.hypot(a - pit[1], left - turn * pit[2]) < PIT_MM] -= sign * 3.0
    height[np.hypot(a, left) > 14.0] = np.nan
    return HeightMap(frame, "cranial", axis, axis, height, 0.2)


def needle(spine: Spine, side: Side, tip: Local, *, entry_anterior: float = -30.0) -> NeedlePath:
    """From behind, straight to the front, to a tip in the body's axes."""
    frame = spine["L1"].frame
    assert frame is not None
    entry = frame.to_patient((tip[0], entry_anterior, tip[2]))
    angles = Angles(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    return NeedlePath(
        side, Approach.TRANSPEDICULAR, 11, 3.048, entry, frame.to_patient(tip), (), None, angles, None, ()
    )


def plan(spine: Spine, tips: Sequence[tuple[Side, Local]], volume_ml: float = 3.0) -> Plan:
    """Needles with these tips and a bracket of cement about a volume."""
    return Plan(
        Level.L1,
        tuple(needle(spine, side, tip) for side, tip in tips),
        cement=CementVolume(volume_ml - 1, volume_ml + 1, BODY_ML, "spondyl"),
    )
