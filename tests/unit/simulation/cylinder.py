"""A round body of one density, tilted against the CT."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from spondyl.space import Frame, Geometry, Volume
from spondyl.spine import Level, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

RADIUS, HEIGHT, HU = 14.0, 24.0, 140.0


def cylinder_spine() -> Spine:
    """A cylinder of 140 HU in 0 HU, its axis 15 degrees off the CT's; 120 kV, no contrast told: the nominal line."""
    geometry = Geometry(np.diag([1.5, 1.5, 1.5, 1.0]), (44, 44, 40))
    axes = Rotation.from_euler("xyz", (15, 8, 5), degrees=True).apply(np.array([[0, 0, 1], [0, -1, 0]]))
    centre = geometry.points(np.array([21.5, 21.5, 19.5]))
    frame = Frame.from_directions(centre, axes[0], axes[1])
    points = geometry.points(np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1))
    local = frame.to_local(points)
    inside = (np.hypot(local[..., 1], local[..., 2]) < RADIUS) & (np.abs(local[..., 0]) < HEIGHT / 2)
    mask = Volume(inside, geometry, "1")
    ct = Volume(np.full(geometry.shape, HU, np.float32), geometry, "[hnsf'U]")
    body = Vertebra(Level.L1, mask, mask, frame, None, None, None, None, (), ())
    return Spine(Study(ct, Scan(kvp=120.0, contrast=False), Patient()), geometry, (body,), None)
