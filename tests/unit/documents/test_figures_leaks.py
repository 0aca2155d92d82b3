"""Pictures of injections: sides as the patient's, figures as the result's, words that go with them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib import image

from spondyl.documents import figures_leaks
from spondyl.documents.figures import Picture
from spondyl.documents.figures_leaks import draw_cement_growing, draw_leak_map, draw_leak_shares, draw_pressures
from spondyl.simulation import BodyInjection, LeakShares, build_flow_model, count_leaks, simulate_injection
from spondyl.spine import Side, Spine
from tests.unit.simulation.round_bodies import plan, round_spine

TIPS = ((Side.LEFT, (6.0, 2.0, 5.0)),)


@pytest.fixture(scope="module")
def spine() -> Spine:
    return round_spine(pit=("superior", 2.0, 5.0))


@pytest.fixture(scope="module")
def injection(spine: Spine) -> BodyInjection:
    return simulate_injection(spine, plan(spine, TIPS, 4.0), voxel_mm=2.0)


@pytest.fixture(scope="module")
def leaks(spine: Spine) -> LeakShares:
    flow = build_flow_model(spine, "L1", voxel_mm=3.0)
    return count_leaks(spine, plan(spine, TIPS, 4.0), flow=flow, runs=6)


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(image.imread(io.BytesIO(picture.png)))[..., :3]


def test_cement_grows_on_the_patients_left_which_lies_on_the_right(spine: Spine, injection: BodyInjection) -> None:
    picture = draw_cement_growing(spine, injection)
    volumes = [float(row[1]) for row in picture.table.rows]
    assert volumes == sorted(volumes) and volumes[-1] == pytest.approx(4.0, abs=0.01)
    assert all(3 < float(row[2]) < 8 for row in picture.table.rows)
    shown = pixels(picture)
    column = shown[:, : shown.shape[1] // 4]  # the first frame, seen from below in its upper half
    upper = column[: shown.shape[0] // 2]
    yellow = (upper[..., 0] > 0.6) & (upper[..., 1] > 0.6) & (upper[..., 2] < 0.3)
    middle = upper.shape[1] / 2
    assert yellow[:, int(middle) :].sum() > 3 * yellow[:, : int(middle)].sum()
    assert "not calibrated on patients" in figures_leaks.NOT_CALIBRATED


def test_the_map_tells_each_path_and_what_has_no_opening(spine: Spine, injection: BodyInjection) -> None:
    picture = draw_leak_map(spine, injection)
    rows = {row[0]: row for row in picture.table.rows}
    assert float(rows["disc above"][1]) == pytest.approx(injection.leak("disc_superior").volume_ml, abs=5e-4)
    assert float(rows["disc above"][1]) > 0 and rows["disc above"][3] == "superior endplate defect"
    assert rows["disc below"][1:] == ("0.000", "-", "no opening in the model")
    assert len(rows) == 6


def test_pressures_add_up_and_carry_the_words(injection: BodyInjection) -> None:
    picture = draw_pressures(injection)
    syringe, cannula, bone = (float(row[1]) for row in picture.table.rows)
    assert syringe == pytest.approx(cannula + bone, abs=0.002)
    assert "not calibrated on patients" in picture.alt


def test_shares_are_told_by_permeability_beside_what_was_published(leaks: LeakShares) -> None:
    picture = draw_leak_shares(leaks)
    rows = {row[0]: row for row in picture.table.rows}
    some = leaks.path(None).share
    assert rows["any"][1] == f"{100 * some.value:.0f} %" and rows["any"][3].count("/") == 2
    assert rows["disc below"][1] == "no opening in the model"
    assert "33 % any, of vertebroplasty levels" in rows["any"][4] and rows["needle track"][4] == "none read"
    told = f"{picture.alt} {picture.table.caption} {' '.join(picture.table.head)}".lower()
    assert "share of simulated runs" in told and "not calibrated" in told
    assert not any(word in told for word in ("risk", "chance", "probab"))


def test_the_same_injection_gives_the_same_bytes(injection: BodyInjection) -> None:
    assert draw_pressures(injection).png == draw_pressures(injection).png
