"""Posterior wall and canal, on walls and canals whose bulge and area are known in closed form."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from spondyl.findings import Finding, Findings, Status, measure_canal
from spondyl.findings.canal import wall_bulge
from spondyl.space import Floats, Frame, Geometry, HeightMap, Volume
from spondyl.spine import Level, Spine, Vertebra

PITCH, CANAL_BEHIND = 36.0, -26.0
TILT = np.deg2rad(15.0)  # of the whole spine about the left axis, against the grid


def turned(tilt: float) -> tuple[Floats, Floats]:
    """Cranial and anterior direction of a spine leaning forwards, LPS."""
    return np.array([0.0, -np.sin(tilt), np.cos(tilt)]), np.array([0.0, -np.cos(tilt), -np.sin(tilt)])


def wall(shape: Callable[[Floats], Floats], frame: Frame | None = None, sd: float = 0.2) -> HeightMap:
    """A wall 26 mm high whose anterior position depends on the cranial one alone."""
    frame = frame or Frame.from_directions(np.zeros(3), (0, 0, 1), (0, -1, 0))
    u, v = np.arange(-13.0, 13.5), np.arange(-10.0, 10.5)
    return HeightMap(frame, "anterior", u, v, np.repeat(shape(u)[:, None], len(v), axis=1), sd)


def spine(radius: Callable[[Floats], Floats], tilt: float = 0.0, bulge: float = 0.0, cut: bool = False) -> Spine:
    """Three levels with a round canal behind them; its radius is given over the height above the middle body."""
    cranial, anterior = turned(tilt)
    grid = Geometry(np.array([[1.0, 0, 0, -30], [0, 1, 0, -60], [0, 0, 1, -75], [0, 0, 0, 1]]), (61, 121, 151))
    points = grid.points(np.moveaxis(np.indices(grid.shape), 0, -1))
    height = points @ cranial
    canal = np.hypot(points @ anterior - CANAL_BEHIND, points[..., 0]) <= radius(height)
    vertebrae = []
    for number, level in enumerate((Level.T12, Level.L1, Level.L2)):
        frame = Frame.from_directions((1 - number) * PITCH * cranial, cranial, anterior)
        tent = bulge if level is Level.L1 else 0.0
        back = wall(lambda u, tent=tent: -15.0 - tent * np.clip(1 - np.abs(u) / 4, 0, 1), frame)  # type: ignore[misc]
        body = Volume(np.ones((2, 2, 2), bool), Geometry(np.eye(4), (2, 2, 2)), "1")
        faces = ("foot",) if cut and level is Level.L2 else ()
        vertebrae.append(Vertebra(level, body, None, frame, None, None, None, back, (), faces))
    return Spine(None, grid, tuple(vertebrae), Volume(canal, grid, "1"))


def find(findings: Findings, name: str, level: Level) -> Finding:
    return next(f for f in findings if f.name == name and f.level is level)


def round_canal(height: Floats) -> Floats:
    return np.full(height.shape, 9.0)


def narrowed(height: Floats) -> Floats:
    """Radius 9 mm, 6 mm over 8 mm of the middle body."""
    return np.where(np.abs(height) < 4, 6.0, 9.0)


def test_a_straight_wall_does_not_bulge() -> None:
    bulge = wall_bulge(wall(lambda u: -15.0 + 0.1 * u))
    assert bulge is not None
    assert bulge[0] == pytest.approx(0.0, abs=1e-9)


def test_a_hollow_wall_has_a_negative_bulge() -> None:
    bulge = wall_bulge(wall(lambda u: -15.0 + 2.0 * (1 - (u / 13) ** 2)))
    assert bulge is not None
    assert -0.6 < bulge[0] < 0  # nearest to the line at the first row beside a corner


def test_a_bulge_is_measured_from_the_line_between_the_corners() -> None:
    """A plateau of 4 mm, 6 mm high, on a wall that leans."""
    bulge = wall_bulge(wall(lambda u: -15.0 + 0.1 * u - 4.0 * (np.abs(u) <= 3)))
    assert bulge is not None
    assert bulge[0] == pytest.approx(4.0)
    assert bulge[1] >= 10


def test_a_bulge_forwards_into_the_body_is_none() -> None:
    """Symptom: a mirrored sign would call every basivertebral hollow a fragment in the canal."""
    bulge = wall_bulge(wall(lambda u: -15.0 + 4.0 * (np.abs(u) <= 3)))
    assert bulge is not None
    assert bulge[0] == pytest.approx(0.0, abs=1e-9)


def test_a_wall_too_short_for_corners_is_not_evaluable() -> None:
    full = wall(lambda u: u * 0)
    short = HeightMap(full.frame, "anterior", full.u_mm[:8], full.v_mm, full.height_mm[:8], 0.2)
    assert wall_bulge(short) is None


def test_a_bulge_beside_a_corner_is_uncertain() -> None:
    one = spine(round_canal)
    back = wall(lambda u: -15.0 - 3.0 * (np.abs(u - 8) <= 2), one["L1"].frame)
    moved = Vertebra(Level.L1, one["L1"].mask, None, one["L1"].frame, None, None, None, back, (), ())
    found = measure_canal(Spine(None, one.geometry, (one["T12"], moved, one["L2"]), one.canal))
    assert find(found, "posterior_wall_bulge", Level.L1).status is Status.UNCERTAIN


@pytest.mark.parametrize("tilt", [0.0, TILT])
def test_area_of_a_round_canal_square_to_it(tilt: float) -> None:
    """pi 9² mm²; a mask of 1 mm voxels has the right area to 2 %."""
    found = find(measure_canal(spine(round_canal, tilt)), "canal_area", Level.L1)
    assert found.value == pytest.approx(np.pi * 81, rel=0.02)


@pytest.mark.parametrize("tilt", [0.0, TILT])
def test_compromise_is_the_share_lost_against_the_neighbours(tilt: float) -> None:
    """1 - 6²/9² = 55.6 %, to 2 % of either area."""
    found = measure_canal(spine(narrowed, tilt))
    compromise = find(found, "canal_compromise", Level.L1)
    assert compromise.value == pytest.approx(100 * (1 - 36 / 81), abs=2.0)
    assert compromise.low is not None
    assert compromise.low > 40
    assert find(found, "canal_compromise", Level.T12).status is Status.UNCERTAIN  # one neighbour only


def test_a_sound_canal_is_not_compromised() -> None:
    found = find(measure_canal(spine(round_canal)), "canal_compromise", Level.L1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0 < found.high


def test_a_cut_level_is_neither_measured_nor_a_neighbour() -> None:
    found = measure_canal(spine(narrowed, cut=True))
    for name in ("posterior_wall_bulge", "canal_area", "canal_compromise"):
        assert "cut by the image border" in str(find(found, name, Level.L2).reason)
    assert "one neighbouring level" in str(find(found, "canal_compromise", Level.L1).reason)


def test_without_a_canal_only_the_wall_is_measured() -> None:
    one = spine(round_canal, bulge=4.0)
    found = measure_canal(Spine(None, one.geometry, one.vertebrae, None))
    assert find(found, "canal_area", Level.L1).status is Status.NOT_EVALUABLE
    assert find(found, "posterior_wall_bulge", Level.L1).value == pytest.approx(
        4 - 4 / 4 * 2 / 3, abs=0.01
    )  # 3 mm mean


def test_a_broken_canal_mask_is_told() -> None:
    found = find(measure_canal(spine(lambda h: np.where(np.abs(h) < 4, 1.0, 9.0))), "canal_area", Level.L1)
    assert "broken" in str(found.reason)
