"""CT numbers for a view of a shape: random tissues round it, random bone in it, and what looks like spine but is not.

The idea is SynthSeg's (a network that has seen every contrast needs no real image), with Hounsfield numbers kept in the
ranges of a CT. What is painted as bone beside the spine (ribs, iliac wings, femoral heads, rods, calcified vessels)
teaches the network to leave it out.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from spondyl.spine import Level
from spondyl.spine.segmenters.classes import GRID_MM, SpineClass
from tools.network.scanner import cropped, scanned
from tools.network.shapes import UNSURE, Shape
from tools.network.warp import PATCH, Field, View, smooth, view_of

IGNORED = 255  # voxels that teach nothing
_THORAX = 19.6  # level numbers below have ribs and lungs
_LUMBAR = 21.5
_LAST_DISC = 24.6
_STEPS = np.arange(PATCH, dtype=np.float32) * np.float32(GRID_MM)
_BONES = (SpineClass.BODY, SpineClass.ARCH, SpineClass.SACRUM, SpineClass.RIB, UNSURE)


def painted(shape: Shape, generator: Generator) -> tuple[Field, NDArray[np.uint8]]:
    """A patch of 128 mm: CT numbers on the 2 mm grid, and the class of each voxel (IGNORED: not known)."""
    view = view_of(shape, generator)
    view.depth_mm += smooth(generator, int(generator.integers(6, 17)), generator.uniform(0, 0.5))
    taught = view.classes.copy()
    hu = _tissues(view, generator)
    others = _other_bones(shape, view, taught, generator)
    hu = _vessels_and_bowel(hu, view, generator)
    hu = np.where(view.ahead_mm + smooth(generator, 4, 3) < -generator.uniform(48, 110), np.float32(-1000), hu)
    hu = _disc_and_canal(hu, view, generator)
    hu = _bones(hu, view, others, generator)
    taught[taught == UNSURE] = IGNORED
    hu = scanned(np.asarray(hu, np.float32), generator)
    cropped(hu, taught, generator)
    return hu, taught


def _tissues(view: View, generator: Generator) -> Field:
    """Organs as the largest of smooth fields, muscle with fat between, fat round the spine, lungs, skin."""
    uniform = generator.uniform
    thoracic = float(view.level.mean()) < _THORAX
    kinds = int(generator.integers(3, 7))
    fields = np.stack([smooth(generator, int(generator.integers(3, 9))) for _ in range(kinds)])
    values = [_organ_hu(generator) for _ in range(kinds)]
    hu = np.array(values, np.float32)[fields.argmax(axis=0)] + smooth(generator, 16, 12)
    aside = np.abs(view.aside_mm)
    muscle = (view.ahead_mm < 5) & (aside < uniform(45, 80))
    fat = smooth(generator, int(generator.integers(5, 13))) > uniform(0.2, 1.6)
    hu = np.where(muscle, np.where(fat, np.float32(-90), np.float32(uniform(20, 70))), hu)
    if uniform() < 0.75:
        ring = (view.depth_mm > -uniform(3, 12)) & (view.ahead_mm > 0)
        hu = np.where(ring, np.float32(uniform(-110, 50)), hu)
    if uniform() < (0.85 if thoracic else 0.1):
        lung = (aside + smooth(generator, 4, 6) > uniform(20, 34)) & (view.depth_mm < -2)
        lung &= (view.ahead_mm + smooth(generator, 4, 8) > uniform(-45, -8)) & (view.ahead_mm < uniform(60, 160))
        if uniform() < 0.35:  # down to the diaphragm
            lung &= view.height_mm > view.height_mm.mean() + uniform(-50, 50)
        air = np.float32(uniform(-930, -720)) + np.maximum(smooth(generator, 20, 60), -60)
        hu = np.where(lung, air, hu)
    skin = view.ahead_mm + smooth(generator, 4, 6) < -uniform(20, 100)
    return np.where(skin, np.float32(uniform(-120, -80)), hu)


def _organ_hu(generator: Generator) -> float:
    if generator.uniform() < 0.35:
        return float(generator.uniform(-120, -70))
    return float(generator.uniform(100, 350) if generator.uniform() < 0.15 else generator.uniform(0, 80))


def _other_bones(
    shape: Shape, view: View, taught: NDArray[np.uint8], generator: Generator
) -> list[tuple[Field, float]]:
    """Depth into bones that are not in the shape, with their brightness; ribs and a made sacrum are taught."""
    uniform = generator.uniform
    level = float(view.level.mean())
    bones = []
    if uniform() < (0.12 if level >= _THORAX else 0.3 if shape.has_ribs else 0.95):
        rib = _rib(shape, view, generator)
        taught[(rib > 0) & (taught == SpineClass.BACKGROUND) & (view.depth_mm < -0.5)] = SpineClass.RIB
        bones.append((rib, uniform(0.8, 1.3)))
    ends_at_l5 = shape.lowest == Level.L5 and not shape.has_sacrum
    if ends_at_l5 and float(view.level.max()) > _LAST_DISC and uniform() < 0.75:
        sacrum = _sacrum(shape, view, generator)
        taught[(sacrum > 0) & (taught == SpineClass.BACKGROUND) & (view.depth_mm < -0.5)] = SpineClass.SACRUM
        bones.append((sacrum, uniform(0.6, 1.1)))
    if level > _LUMBAR and uniform() < 0.7:
        bones.append((_iliac_wing(view, generator), uniform(0.7, 1.3)))
    if level > _LUMBAR and uniform() < 0.5:
        bones.append((np.float32(uniform(15, 27)) - _ball(generator) - smooth(generator, 6, 2), uniform(0.7, 1.2)))
    for _ in range(int(generator.integers(0, 5))):
        bones.append((_rod(generator), uniform(0.5, 1.5)))
    return bones


def _rib(shape: Shape, view: View, generator: Generator) -> Field:
    """Ribs in spine coordinates: one a level, falling outwards, bent round the chest."""
    uniform = generator.uniform
    aside = np.abs(view.aside_mm)
    out = np.maximum(aside - 14, 0)
    ahead = uniform(-4, 4) - uniform(14, 26) * np.sin(np.minimum(out / uniform(60, 100) * np.pi, 4.2))
    ahead = ahead + np.maximum(out - 40, 0) * uniform(0, 0.4)
    place = view.level - uniform(-0.15, 0.6) - out * uniform(0.1, 0.6) / shape.spacing_mm
    off = (place - np.round(place)) * shape.spacing_mm
    away = (view.ahead_mm - ahead) ** 2 + (off / uniform(1.2, 1.8)) ** 2 + np.minimum(aside - 17, 0) ** 2
    return np.asarray(uniform(3.5, 6) - np.sqrt(away), np.float32)


def _sacrum(shape: Shape, view: View, generator: Generator) -> Field:
    """A leaning, tapering block one disc below L5, for shapes that end there."""
    uniform = generator.uniform
    below = (view.level - uniform(_LAST_DISC, 24.75)) * shape.spacing_mm
    lean, half = uniform(0.2, 0.9), uniform(38, 52) - 0.35 * below
    sides = np.minimum(below, half - np.abs(view.aside_mm))
    faces = np.minimum(view.ahead_mm + 22 + lean * below, 18 - lean * below - view.ahead_mm)
    return np.asarray(np.minimum(sides, faces) - smooth(generator, 8, 3), np.float32)


def _iliac_wing(view: View, generator: Generator) -> Field:
    uniform = generator.uniform
    lean = uniform(0.2, 0.9) * generator.choice([1.0, -0.3]) * 0.6
    away = (np.abs(view.aside_mm) - uniform(38, 62) - (view.ahead_mm + 10) * lean) / 1.2 - smooth(generator, 3, 4)
    top = view.height_mm.mean() + uniform(-50, 30)
    return np.asarray(np.minimum(uniform(3, 9) - np.abs(away), top - view.height_mm), np.float32)


def _ball(generator: Generator) -> Field:
    """Distance from a random place of the patch. [mm]"""
    x, y, z = generator.uniform(0, PATCH * GRID_MM, 3).astype(np.float32)
    away = ((_STEPS - x) ** 2)[:, None, None] + ((_STEPS - y) ** 2)[:, None] + (_STEPS - z) ** 2
    return np.asarray(np.sqrt(away))


def _rod(generator: Generator) -> Field:
    """Depth into a rod or blob of random place, direction, length and thickness. [mm]"""
    place = generator.uniform(0, PATCH * GRID_MM, 3).astype(np.float32)
    way = generator.standard_normal(3).astype(np.float32)
    way /= np.linalg.norm(way)
    x, y, z = ((_STEPS - p) for p in place)
    along = (way[0] * x)[:, None, None] + (way[1] * y)[:, None] + way[2] * z
    square = (x**2)[:, None, None] + (y**2)[:, None] + z**2
    beyond = np.maximum(np.abs(along) - generator.uniform(0, 40), 0)
    away = np.sqrt(np.maximum(square - along**2, 0) + beyond**2)
    return np.asarray(generator.uniform(2, 11) - away, np.float32)


def _vessels_and_bowel(hu: Field, view: View, generator: Generator) -> Field:
    """Opacified heart, kidney and bowel; aorta and cava, some with contrast or a calcified wall; gas and stones."""
    uniform = generator.uniform
    beside = view.depth_mm < -3
    soft = view.classes == SpineClass.BACKGROUND
    if uniform() < 0.45:
        value = uniform(90, 380)
        for _ in range(int(generator.integers(1, 4))):
            inside = (_ball(generator) + smooth(generator, 5, 6) < uniform(12, 42)) & beside
            hu = np.where(inside, np.float32(value * uniform(0.8, 1.2)), hu)
    for _ in range(int(generator.integers(1, 4))):
        radius, aside, ahead = uniform(5, 15), uniform(-30, 30), uniform(38, 70)
        away = (view.aside_mm - aside + smooth(generator, 3, 2)) ** 2
        away = np.sqrt(away + (view.ahead_mm - ahead + smooth(generator, 3, 3)) ** 2)
        blood = uniform(30, 70) if uniform() < 0.5 else uniform(110, 420)
        hu = np.where((away < radius) & soft, np.float32(blood), hu)
        if uniform() < 0.4:
            wall = (np.abs(away - radius) < 1.2) & (smooth(generator, 12) > uniform(0.5, 1.3)) & soft
            hu = np.where(wall, np.float32(uniform(250, 1100)), hu)
    for _ in range(int(generator.integers(0, 4))):
        inside = (_ball(generator) + smooth(generator, 6, 4) < uniform(3, 22)) & beside
        hu = np.where(inside, np.float32(uniform(-950, -700) if uniform() < 0.5 else uniform(150, 1500)), hu)
    return hu


def _disc_and_canal(hu: Field, view: View, generator: Generator) -> Field:
    uniform = generator.uniform
    disc, canal = view.classes == SpineClass.DISC, view.classes == SpineClass.CANAL
    hu = np.where(disc, np.float32(uniform(40, 140)) + smooth(generator, 16, 10), hu)
    if uniform() < 0.12:  # gas
        hu = np.where(disc & (smooth(generator, 14) > 0.8), np.float32(uniform(-800, -100)), hu)
    hu = np.where(canal, np.float32(uniform(-20, 60) if uniform() < 0.93 else uniform(100, 300)), hu)
    if uniform() < 0.5:  # epidural fat
        hu = np.where(canal & (view.depth_mm > -2.5), np.float32(uniform(-90, 0)), hu)
    return hu


def _bones(hu: Field, view: View, others: list[tuple[Field, float]], generator: Generator) -> Field:
    """Bone by depth: cortex, then spongy bone of random density; arches denser; now and then sclerosis or cement."""
    uniform = generator.uniform
    spongy = uniform(30, 280)
    for depth, bright in others:
        beside = np.minimum(depth, -view.depth_mm - uniform(0.3, 2))
        value, share = _bone_hu(beside, spongy * uniform(0.6, 1.2) + smooth(generator, 12, 25), bright, generator)
        hu = hu * (1 - share) + value * share
    density = uniform(15, 280)
    inner = np.where(view.classes == SpineClass.ARCH, density + uniform(0, 160), density)
    inner = inner + smooth(generator, int(generator.integers(8, 22)), uniform(5, 45))
    value, share = _bone_hu(view.depth_mm, inner + smooth(generator, 5, uniform(0, 40)), 1.0, generator)
    if uniform() < 0.2:
        spot = smooth(generator, 8) > uniform(1.0, 1.8)
        value = np.where(spot, value + uniform(-250, 500) if uniform() < 0.75 else uniform(900, 2500), value)
    return np.asarray(hu * (1 - share) + value * share, np.float32)


def _bone_hu(depth: Field, inner: Field, bright: float, generator: Generator) -> tuple[Field, Field]:
    """CT number of bone at a depth, and the share of bone there."""
    uniform = generator.uniform
    thick = uniform(0.4, 1.7)
    cortex = np.exp(uniform(np.log(70), np.log(800))) * bright
    share = 1 / (1 + np.exp(-np.clip((depth - uniform(-0.4, 0.6)) * 2.5, -30, 30)))
    value = inner + cortex * np.exp(-((np.maximum(depth - thick / 2 - 0.3, 0) / thick) ** 2))
    return np.asarray(value, np.float32), np.asarray(share, np.float32)
