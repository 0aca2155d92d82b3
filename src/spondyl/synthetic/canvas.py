"""The picture of a virtual patient while it is painted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from spondyl.space import Frame, Geometry
from spondyl.spine import Level
from spondyl.synthetic.grid import Block, FinePoints, block_around, fine_points, local_grid, subrange
from spondyl.synthetic.solids import Field, Solid
from spondyl.synthetic.spec import ScanSpec
from spondyl.synthetic.vertebra import BODY, Part


class Structure(IntEnum):
    """Numbers of the structure map of a virtual patient."""

    AIR, SKIN, FAT, MUSCLE, ORGAN, LUNG, AORTA, CANAL, DISC, RIB, VERTEBRA, SACRUM, MARKER = range(13)


@dataclass(eq=False)
class Canvas:
    """CT numbers and maps on the grid of the patient; painted in place."""

    geometry: Geometry
    scan: ScanSpec
    hu: Field
    levels: NDArray[np.uint8]  # VerSe numbers
    subregions: NDArray[np.uint8]
    structures: NDArray[np.uint8]

    @classmethod
    def blank(cls, geometry: Geometry, scan: ScanSpec) -> Canvas:
        """Air."""
        maps = (np.zeros(geometry.shape, np.uint8) for _ in range(3))
        return cls(geometry, scan, np.full(geometry.shape, -1000.0, np.float32), *maps)

    def paint(self, solid: Solid, frame: Frame, value: float, structure: Structure) -> None:
        """A homogeneous solid, its border blended over a voxel; bone keeps its place in the maps."""
        block = block_around(self.geometry, frame, solid.low, solid.high)
        if block is None:
            return
        distance = solid.distance(*local_grid(self.geometry, frame, block.axes))
        share = np.clip(distance / np.float32(self.geometry.spacing_mm.mean()) + np.float32(0.5), 0, 1)
        self.hu[block.slices] += share * (np.float32(value) - self.hu[block.slices])
        self.structures[block.slices][distance > 0] = structure

    def mark(self, parts: tuple[Part, ...], frame: Frame, level: Level, structure: Structure) -> None:
        """Labels of voxels whose centre lies in a bone; the body comes first, then the part it lies deepest in."""
        block = _block_of(self.geometry, frame, parts)
        if block is None:
            return
        axes = block.axes
        deepest = np.zeros([len(axis) for axis in axes], np.float32)
        number = np.zeros(deepest.shape, np.uint8)
        for part in parts:
            where = subrange(self.geometry, frame, part.solid.low, part.solid.high, axes)
            if any(s.start == s.stop for s in where):
                continue
            found = part.solid.distance(
                *local_grid(self.geometry, frame, [x[s] for x, s in zip(axes, where, strict=True)])
            )
            better = (found > deepest[where]) & (number[where] != BODY)
            deepest[where][better] = found[better]
            number[where][better] = part.number
        mine = (deepest > 0) & (self.structures[block.slices] < Structure.RIB)
        self.structures[block.slices][mine] = structure
        if structure is not Structure.RIB:
            self.levels[block.slices][mine] = level
            self.subregions[block.slices][mine] = number[mine]

    def paint_bone(self, parts: tuple[Part, ...], frame: Frame, look: BoneLook) -> None:
        """A bone of several parts as one: shell around the union, trabecular bone within, averaged over each voxel."""
        block = _block_of(self.geometry, frame, parts)
        if block is None:
            return
        for piece in _pieces(block):
            points = fine_points(self.geometry, piece, self.scan)
            cover, value = self._bone_share(parts, frame, points, look)
            view = self.hu[piece.slices]
            view += points.averaged(value) - points.averaged(cover) * view

    def _bone_share(
        self, parts: tuple[Part, ...], frame: Frame, points: FinePoints, look: BoneLook
    ) -> tuple[Field, Field]:
        """Share of bone, and share times CT number, at fine points."""
        shape = [len(axis) for axis in points.axes]
        distance = np.full(shape, -9.0, np.float32)
        shell = np.zeros(shape, np.float32)
        inner = np.full(shape, look.arch_hu, np.float32)
        outer = np.full(shape, look.cortex_hu, np.float32)
        for part in parts:
            where = subrange(self.geometry, frame, part.solid.low, part.solid.high, points.axes)
            if any(s.start == s.stop for s in where):
                continue
            grid = local_grid(self.geometry, frame, [x[s] for x, s in zip(points.axes, where, strict=True)])
            found = part.solid.distance(*grid)
            if part.number == BODY:
                body = found > -1
                inner[where][body], outer[where][body] = look.body_hu(*(x[body] for x in grid))
            better = found > distance[where]
            shell[where][better] = part.shell_mm
            distance[where][better] = found[better]
        step = np.float32(points.step_mm)
        cover = np.clip(distance / step + np.float32(0.5), 0, 1)
        core = np.clip((distance - shell) / step + np.float32(0.5), 0, 1)
        return cover, (cover - core) * outer + core * inner


class BoneLook:
    """CT numbers of a bone: its cortex, the inside of its arch, and its body by place."""

    def __init__(self, cortex_hu: float, arch_hu: float) -> None:
        self.cortex_hu = cortex_hu
        self.arch_hu = arch_hu

    def body_hu(self, c: Field, a: Field, left: Field) -> tuple[Field, Field]:
        """CT numbers inside the body and of its shell at local places."""
        return np.full(c.shape, self.arch_hu, np.float32), np.full(c.shape, self.cortex_hu, np.float32)


def _block_of(geometry: Geometry, frame: Frame, parts: tuple[Part, ...]) -> Block | None:
    if not parts:
        return None
    low = np.min([part.solid.low for part in parts], axis=0)
    high = np.max([part.solid.high for part in parts], axis=0)
    return block_around(geometry, frame, low, high)


def _pieces(block: Block, thickness: int = 12) -> list[Block]:
    """The block cut across its slices, so that the fine points need little memory."""
    first, last = block.start[2], block.stop[2]
    return [
        Block((*block.start[:2], k), (*block.stop[:2], min(k + thickness, last))) for k in range(first, last, thickness)
    ]
