"""Gas in a body, on boxes with pockets of known size."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spondyl.findings import Findings, Status, find_gas_clefts
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, Spine, Vertebra
from spondyl.studies import Patient, Scan, Study

BODY = (slice(20, 50), slice(20, 50), slice(15, 35))
Hu = NDArray[np.int16]


def image(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> tuple[Hu, Geometry]:
    """Marrow of 100 HU in soft tissue of 40 HU."""
    hu = np.full((70, 70, 50), 40, np.int16)
    hu[BODY] = 100
    return hu, Geometry(np.diag([*spacing, 1.0]), hu.shape)


def clefts(hu: Hu | None, grid: Geometry, cut: tuple[str, ...] = ()) -> Findings:
    body = np.zeros(grid.shape, bool)
    body[BODY] = True
    mask = Volume(body, grid, "1").cropped((18, 18, 13), (52, 52, 37))
    vertebra = Vertebra(Level.L1, mask, mask, None, None, None, None, None, (), cut)
    study = None if hu is None else Study(Volume(hu, grid, "[hnsf'U]"), Scan(), Patient())
    return find_gas_clefts(Spine(study, grid, (vertebra,), None))


def test_a_pocket_of_gas_and_its_volume() -> None:
    """10 x 12 x 4 voxels of 1 mm³, and a layer of 10 x 12 that gas fills by a half: 540 mm³."""
    hu, grid = image()
    hu[30:40, 30:42, 20:24] = -1000
    hu[30:40, 30:42, 24] = -450
    found, volume = clefts(hu, grid)
    assert (found.value, found.status) == ("yes", Status.MEASURED)
    assert volume.value == pytest.approx(540.0)


def test_a_body_full_of_gas_has_its_own_volume() -> None:
    """30 x 30 x 20 mm³, without any marrow to compare with."""
    hu, grid = image()
    hu[BODY] = -1000
    assert clefts(hu, grid)[1].value == pytest.approx(18000)


def test_sound_marrow_has_none() -> None:
    found, volume = clefts(*image())
    assert (found.value, volume.value) == ("no", 0.0)


def test_fat_marrow_with_noise_is_not_gas() -> None:
    """-100 HU with a standard deviation of 30 HU: -200 is 3.3 of them away, and three neighbours are needed."""
    hu, grid = image()
    hu[BODY] = np.random.default_rng(0).normal(-100, 30, hu[BODY].shape)
    assert clefts(hu, grid)[0].value == "no"


def test_vacuum_of_the_disc_that_reaches_into_the_mask_is_not_a_cleft() -> None:
    """Symptom: a mask one voxel too high made every vacuum disc a cleft."""
    hu, grid = image()
    hu[25:45, 25:45, 34:38] = -600  # one layer of four in the body
    assert clefts(hu, grid)[0].value == "no"


def test_lung_beside_the_body_is_not_a_cleft() -> None:
    hu, grid = image()
    hu[:22] = -850
    assert clefts(hu, grid)[0].value == "no"


def test_two_dark_voxels_are_not_a_cleft() -> None:
    hu, grid = image((3.0, 3.0, 3.0))
    hu[30:32, 30, 20] = -900
    assert clefts(hu, grid)[0].value == "no"


def test_gas_that_is_nowhere_dark_is_uncertain() -> None:
    hu, grid = image()
    hu[30:40, 30:42, 20:22] = -250
    found, _ = clefts(hu, grid)
    assert (found.value, found.status) == ("yes", Status.UNCERTAIN)


def test_no_gas_in_thick_slices_is_uncertain() -> None:
    found, _ = clefts(*image((1.0, 1.0, 4.0)))
    assert (found.value, found.status) == ("no", Status.UNCERTAIN)


def test_a_cut_body_answers_yes_but_never_no() -> None:
    hu, grid = image()
    assert clefts(hu, grid, ("head",))[0].status is Status.NOT_EVALUABLE
    hu[30:40, 30:42, 20:24] = -1000
    assert clefts(hu, grid, ("head",))[0].value == "yes"


def test_a_label_map_alone_shows_no_gas() -> None:
    assert {f.status for f in clefts(None, image()[1])} == {Status.NOT_EVALUABLE}


def test_a_body_outside_the_ct_is_not_evaluable() -> None:
    _, grid = image()
    far = Geometry(np.array([[1.0, 0, 0, 500], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), (9, 9, 9))
    one = clefts(None, grid)
    body = np.zeros(grid.shape, bool)
    body[BODY] = True
    vertebra = Vertebra(Level.L1, Volume(body, grid, "1"), Volume(body, grid, "1"), *[None] * 5, (), ())
    study = Study(Volume(np.zeros(far.shape, np.int16), far, "[hnsf'U]"), Scan(), Patient())
    found = find_gas_clefts(Spine(study, grid, (vertebra,), None))
    assert [f.reason for f in found] == ["the body lies outside the CT"] * len(one)
