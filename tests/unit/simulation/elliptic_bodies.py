"""An elliptic body of one density with flat endplates, and balloons in it."""

from __future__ import annotations

import numpy as np

from spondyl.planning import Angles, Approach, Balloon, NeedlePath, Plan
from spondyl.simulation.balloon_device import BalloonDevice
from spondyl.simulation.balloon_records import BalloonSettings
from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.space import Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Side, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

HALF_DEPTH, HALF_WIDTH, HEIGHT = 15.0, 20.0, 20.0
WIDE = BalloonDevice(15.0, 3.5, 4.0, 5.0, 2.76, ("a device of the test",))
SETTINGS = BalloonSettings(volume_ml=0.75, stop_when_restored=False, start_diameter_mm=6.0, growth=0.3, device=WIDE)


def make_bone(hu: float = 150.0) -> BoneModel:
    """The body of `make_spine` in voxels of 2 mm."""
    return build_bone_model(make_spine(hu), "L1", voxel_mm=2.0)


def make_spine(hu: float = 150.0) -> Spine:
    """An elliptic cylinder in LPS, its front at negative y; endplates flat at ±10 mm."""
    geometry = Geometry(np.array([[2.0, 0, 0, -25], [0, 2, 0, -25], [0, 0, 2, -19], [0, 0, 0, 1]]), (26, 26, 20))
    points = geometry.points(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    x, y, z = np.moveaxis(points, -1, 0)
    inside = (x / HALF_WIDTH) ** 2 + (y / HALF_DEPTH) ** 2 < 1
    inside &= np.abs(z) < HEIGHT / 2
    frame = Frame.from_directions(np.zeros(3), np.array([0.0, 0, 1]), np.array([0.0, -1, 0]))
    across, along, up = np.arange(-24.0, 25), np.arange(-14.0, 15), np.arange(-9.0, 10)
    flat = np.zeros((len(along), len(across)))
    plates = [HeightMap(frame, "cranial", along, across, flat + h, 0.1) for h in (HEIGHT / 2, -HEIGHT / 2)]
    wall = np.zeros((len(up), len(across)))
    walls = [HeightMap(frame, "anterior", up, across, wall + h, 0.1) for h in (HALF_DEPTH, -HALF_DEPTH)]
    mask = Volume(inside, geometry, "1")
    ct = Volume(np.full(geometry.shape, hu, np.float32), geometry, "[hnsf'U]")
    body = Vertebra(Level.L1, mask, mask, frame, *plates, *walls, (), ())
    return Spine(Study(ct, Scan(kvp=120.0, contrast=False), Patient()), geometry, (body,), None)


def balloon_at(x: float, side: Side) -> Balloon:
    return Balloon(side, np.array([x, -2.0, 0.0]), np.array([0.0, -1.0, 0.0]), 15.0, 14.0, 13.0, 15.0, "an endplate")


def plan_of(*balloons: Balloon) -> Plan:
    angles = Angles(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    entry, tip = np.array([9.0, 25.0, 0.0]), np.array([9.0, -9.0, 0.0])
    needle = NeedlePath(Side.LEFT, Approach.TRANSPEDICULAR, 11, 3.0, entry, tip, (), None, angles, None, ())
    return Plan(Level.L1, needles=(needle,), balloons=balloons)


BOTH = plan_of(balloon_at(9.0, Side.LEFT), balloon_at(-9.0, Side.RIGHT))
