"""Where each voxel of a patch comes from: turned, stretched, bent, and with a body pressed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from spondyl.spine.segmenters.classes import GRID_MM, SpineClass
from tools.network.shapes import Shape

Field = NDArray[np.float32]
PATCH = 64  # voxels of an edge: 128 mm

_TURN_DEG = (32.0, 13.0, 13.0)  # about the left axis most: kyphosis, lordosis, how the patient lies
_NEAR = 14.0  # voxels from a voxel of the spine to the middle of the patch
_FAR = (15.0, 50.0)
_PRESSED = 0.45  # of patches


@dataclass(eq=False)
class View:
    """The fields of a shape in a patch."""

    classes: NDArray[np.uint8]
    depth_mm: Field
    aside_mm: Field
    ahead_mm: Field
    level: Field
    height_mm: Field  # along the source's slices


def smooth(generator: Generator, coarse: int, amplitude: float = 1.0, size: int = PATCH) -> Field:
    """Normal numbers on a coarse cube, interpolated linearly."""
    values = generator.standard_normal((coarse, coarse, coarse)).astype(np.float32) * np.float32(amplitude)
    place = np.linspace(0, coarse - 1, size)
    first = np.minimum(place.astype(int), coarse - 2)
    weights = np.zeros((size, coarse), np.float32)
    weights[np.arange(size), first] = 1 - (place - first)
    weights[np.arange(size), first + 1] += place - first
    for _ in range(3):
        values = np.tensordot(values, weights, axes=([0], [1]))
    return np.ascontiguousarray(values)


def view_of(shape: Shape, generator: Generator) -> View:
    """A patch of a shape, about a random place on or beside its spine."""
    spine = np.flatnonzero((shape.classes > 0) & (shape.classes <= SpineClass.CANAL))
    seen = np.array(np.unravel_index(spine[generator.integers(len(spine))], shape.classes.shape))
    if shape.has_sacrum and generator.uniform() < 0.25:
        bone = np.flatnonzero(shape.classes == SpineClass.SACRUM)
        seen = np.array(np.unravel_index(bone[generator.integers(len(bone))], shape.classes.shape))
    centre = seen + generator.uniform(-_NEAR, _NEAR, 3)
    if generator.uniform() < 0.2:
        angle = generator.uniform(0, 2 * np.pi)
        centre = centre + generator.uniform(*_FAR) * np.array([np.cos(angle), np.sin(angle), 0])
    where = _warped(centre, generator)
    if generator.uniform() < _PRESSED:
        _press(where, shape, generator)
    return _sampled(shape, where)


def _warped(centre: NDArray[np.float64], generator: Generator) -> Field:
    """Source indices of a turned, stretched, mirrored and bent patch, shape (3, n, n, n)."""
    a, b, c = np.radians([generator.uniform(-turn, turn) for turn in _TURN_DEG])
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn = turn @ np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    turn = turn @ np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    turn = turn / (generator.uniform(0.85, 1.18) * generator.uniform(0.94, 1.06, 3))
    turn[:, 0] *= generator.choice([-1.0, 1.0])  # left and right of the patch change places
    steps = (np.arange(PATCH) - (PATCH - 1) / 2).astype(np.float32)
    bend = generator.uniform(0, 1.6)
    where = np.empty((3, PATCH, PATCH, PATCH), np.float32)
    for axis, row in enumerate(turn.astype(np.float32)):
        where[axis] = (row[0] * steps)[:, None, None] + (row[1] * steps)[:, None] + row[2] * steps
        where[axis] += np.float32(centre[axis]) + smooth(generator, 5, bend)
    return where


def _press(where: Field, shape: Shape, generator: Generator) -> None:
    """Squeeze one body of the patch to part of its height, in place: wedge, crush or biconcave; the arch keeps it."""
    uniform = generator.uniform
    middle = where[2, PATCH // 2, PATCH // 2, PATCH // 2]
    number = round(float(np.interp(middle, np.arange(len(shape.level)), shape.level))) + int(generator.integers(-1, 2))
    slices = np.abs(shape.level - number).argmin()
    half = np.float32(shape.spacing_mm * 0.42 / GRID_MM)
    anterior = uniform(0.33, 0.95)
    posterior = 1.0 if uniform() < 0.5 else uniform(0.5, 1)
    ahead = _along(shape.ahead_mm, where) / GRID_MM - 8.0  # of the middle of the body, voxels
    height = where[2] - np.float32(slices)
    share = 1 / (1 + np.exp(-(ahead + uniform(-3, 3)) / 3))
    body = 1 / (1 + np.exp(-np.clip((ahead + 9) / 2, -30, 30)))
    left = 1 - body * (1 - (posterior + (anterior - posterior) * share))
    if uniform() < 0.3:
        left = 1 - (1 - left) * np.exp(-((ahead / 6) ** 2))
    source = np.where(np.abs(height) < left * half, height / left, height + np.sign(height) * half * (1 - left))
    where[2] += (source - height) * np.exp(-((height / (3 * half)) ** 2) / 2)


def _sampled(shape: Shape, where: Field) -> View:
    inside = [np.clip(where[k], 0, n - 1) for k, n in enumerate(shape.classes.shape)]
    nearest = tuple(np.rint(index).astype(np.intp) for index in inside)
    beyond = sum(np.abs(where[k] - inside[k]) for k in range(3))
    classes = np.where(beyond > 0, 0, shape.classes[nearest]).astype(np.uint8)
    depth = ndimage.map_coordinates(shape.depth_mm, inside, np.float32, order=1) - np.float32(GRID_MM) * beyond
    side = np.float32(GRID_MM) * (where[0] - inside[0])
    front = -np.float32(GRID_MM) * (where[1] - inside[1])
    level = np.interp(where[2].ravel(), np.arange(len(shape.level)), shape.level).reshape(where.shape[1:])
    return View(
        classes,
        depth.astype(np.float32),
        (_along(shape.aside_mm, where) + side).astype(np.float32),
        (_along(shape.ahead_mm, where) + front).astype(np.float32),
        level.astype(np.float32),
        (where[2] * np.float32(GRID_MM)).astype(np.float32),
    )


def _along(field: NDArray[np.float32], where: Field) -> Field:
    """A smooth field read at every second voxel and interpolated: it bends slowly."""
    inside = [np.clip(where[k, ::3, ::3, ::3], 0, n - 1) for k, n in enumerate(field.shape)]
    coarse = ndimage.map_coordinates(field, inside, np.float32, order=1)
    count = where.shape[1]
    place = np.arange(count) / 3
    first = np.minimum(place.astype(int), coarse.shape[0] - 2)
    weight = np.zeros((count, coarse.shape[0]), np.float32)
    weight[np.arange(count), first] = 1 - (place - first)
    weight[np.arange(count), first + 1] += place - first
    for _ in range(3):
        coarse = np.tensordot(coarse, weight, axes=([0], [1]))
    return np.ascontiguousarray(coarse)
