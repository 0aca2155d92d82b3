"""Dark and bright places in bodies, on boxes of noisy bone with balls of known size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from spondyl.findings import Status, find_patterns
from spondyl.findings.types import Finding
from spondyl.space import Frame, Geometry, Volume
from spondyl.spine import Level, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

LEVELS = (Level.T12, Level.L1, Level.L2)
CENTRES = (95.0, 60.0, 25.0)
AT_L1 = (32.0, 32.0, 60.0)  # centre of the middle body
VEIN = (32.0, 41.0, 60.0)  # behind it, at mid-height, where the body ends at 48


def found(
    ball: tuple[float, float, float] = AT_L1,
    change: float = 0.0,
    radius: float = 7.0,
    *,
    cut: tuple[str, ...] = (),
    with_ct: bool = True,
    levels: tuple[Level, ...] = LEVELS,
    roots: bool = False,
) -> Mapping[tuple[str, Level], Finding]:
    """Findings of three bodies of 130 +- 25 HU, 40 x 32 x 26 mm, with a ball that differs by `change`."""
    grid = Geometry(np.eye(4), (64, 64, 120))
    i, j, k = np.indices(grid.shape)
    hu = np.full(grid.shape, 40.0)
    vertebrae = []
    for level, centre in zip(LEVELS, CENTRES, strict=True):
        body = (np.abs(i - 32) <= 20) & (np.abs(j - 32) <= 16) & (np.abs(k - centre) <= 13)
        hu[body] = 130.0
        if roots and level is Level.L1:  # left with the body by its mask: dense, behind, and wider than the front
            root = (np.abs(np.abs(i - 32) - 25) <= 8) & (np.abs(j - 42) <= 8) & (np.abs(k - centre) <= 9)
            hu[root] = 450.0
            body |= root
        frame = Frame.from_directions((32.0, 32.0, centre), (0, 0, 1), (0, -1, 0))
        mask = Volume(body, grid, "1")
        faces = cut if level is Level.L1 else ()
        if level in levels:
            vertebrae.append(Vertebra(level, mask, mask, frame, None, None, None, None, (), faces))
    hu[np.linalg.norm(np.stack([i, j, k], -1) - np.array(ball), axis=-1) <= radius] += change
    hu += np.random.default_rng(0).normal(0, 25, hu.shape)
    study = Study(Volume(hu.astype(np.int16), grid, "[hnsf'U]"), Scan(), Patient()) if with_ct else None
    findings = find_patterns(Spine(study, grid, tuple(vertebrae), None))
    return {(f.name, f.level): f for f in findings if f.level is not None}


def yes(findings: Mapping[tuple[str, Level], Finding]) -> set[tuple[str, Level]]:
    return {place for place, finding in findings.items() if finding.value == "yes"}


def test_sound_bone_has_no_pattern() -> None:
    findings = found()
    assert yes(findings) == set()
    assert {f.status for f in findings.values()} == {Status.MEASURED}


@pytest.mark.parametrize(("change", "pattern"), [(-130.0, "lytic"), (250.0, "sclerotic")])
def test_a_ball_of_other_bone_is_found_at_its_level(change: float, pattern: str) -> None:
    """1437 mm³; its blurred border moves by at most half the smoothing, 0.75 mm: 30 %."""
    findings = found(change=change)
    assert yes(findings) == {(f"{pattern}_pattern", Level.L1)}
    assert findings[f"{pattern}_pattern_volume", Level.L1].value == pytest.approx(4 / 3 * np.pi * 343, rel=0.35)


def test_a_slight_difference_is_not_told() -> None:
    assert yes(found(change=-30.0)) == set()
    assert yes(found(change=80.0)) == set()


def test_a_small_place_is_not_told() -> None:
    assert yes(found(change=-130.0, radius=3.0)) == set()


def test_the_basivertebral_vein_is_not_lytic() -> None:
    assert yes(found(VEIN, -120.0, 6.5)) == set()


def test_gas_is_not_lytic() -> None:
    """Symptom: the blurred border of a gas cleft was told a second time as a lytic place."""
    assert yes(found(change=-1100.0, radius=6.0)) == set()


def test_roots_of_pedicles_left_with_a_body_are_not_sclerotic() -> None:
    """Symptom: cortex at both sides of a real L5, whose mask was 78 mm wide behind and 52 mm in front."""
    assert yes(found(roots=True)) == set()


def test_a_whole_body_that_is_sclerotic_is_found_against_its_neighbours() -> None:
    assert ("sclerotic_pattern", Level.L1) in yes(found(change=250.0, radius=19.0))


def test_what_cannot_be_seen_is_not_a_no() -> None:
    assert found(cut=("head",))["lytic_pattern", Level.L1].status is Status.NOT_EVALUABLE
    assert {f.reason for f in found(with_ct=False).values()} == {"no CT"}
    assert {f.reason for f in found(levels=(Level.L1,)).values()} == {"compared with no other level"}
