"""Pictures of injections: sides as the patient's, figures as the result's, words that go with them."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import meshio
import numpy as np
import pytest
import trimesh
from matplotlib import image
from PIL import Image

from spondyl.documents.cement_models import MOST_STEPS, CementModel, PressuresModel
from spondyl.documents.course_files import BONE, CAVITY, KeptCement, cement_surface
from spondyl.documents.figures import Picture
from spondyl.documents.figures_cement import (
    cement_seen,
    draw_cavity,
    draw_cement_growing,
    draw_leak_map,
    draw_pressures,
    film_cement,
)
from spondyl.documents.figures_leaks import draw_leak_shares
from spondyl.documents.voxel_files import write_cells_vtu
from spondyl.simulation import (
    BodyInjection,
    LeakShares,
    PressureCourse,
    build_flow_model,
    count_leaks,
    simulate_injection,
)
from spondyl.space import Volume
from spondyl.spine import Side, Spine
from tests.unit.documents.course_of import course_of
from tests.unit.simulation.round_bodies import plan, round_spine

TIPS = ((Side.LEFT, (6.0, 2.0, 5.0)),)


@pytest.fixture(scope="module")
def spine() -> Spine:
    return round_spine(pit=("superior", 2.0, 5.0))


@pytest.fixture(scope="module")
def injection(spine: Spine) -> BodyInjection:
    return simulate_injection(spine, plan(spine, TIPS, 4.0), voxel_mm=2.0)


@pytest.fixture(scope="module")
def kept(injection: BodyInjection) -> KeptCement:
    return KeptCement.of(injection)


@pytest.fixture(scope="module")
def leaks(spine: Spine) -> LeakShares:
    flow = build_flow_model(spine, "L1", voxel_mm=3.0)
    return count_leaks(spine, plan(spine, TIPS, 4.0), flow=flow, runs=6)


def pixels(picture: Picture) -> np.ndarray:
    return np.asarray(image.imread(io.BytesIO(picture.png)))[..., :3]


def blue(shown: np.ndarray) -> np.ndarray:
    return np.asarray((shown[..., 2] > shown[..., 0] + 0.25) & (shown[..., 1] > shown[..., 0] + 0.2))


def test_cement_grows_on_the_patients_left_which_lies_on_the_right(
    spine: Spine, injection: BodyInjection, kept: KeptCement
) -> None:
    picture = draw_cement_growing(course_of(injection), kept, spine)
    volumes = [float(row[1]) for row in picture.table.rows]
    assert volumes == sorted(volumes) and volumes[-1] == pytest.approx(4.0, abs=0.01)
    assert all(3 < float(row[2]) < 8 for row in picture.table.rows)
    shown = pixels(picture)
    column = shown[:, : shown.shape[1] // 4]  # the first frame, seen from below in its upper half
    cement = blue(column[: shown.shape[0] // 2])
    middle = cement.shape[1] // 2
    assert cement[:, middle:].sum() > 3 * cement[:, :middle].sum() > 0


def test_the_film_grows_ends_within_five_seconds_and_plays_once(
    spine: Spine, injection: BodyInjection, kept: KeptCement
) -> None:
    """What moves for longer must be able to be stopped (WCAG 2.2.2)."""
    film = film_cement(course_of(injection), kept, spine)
    frames = Image.open(io.BytesIO(film.apng))
    assert frames.info["loop"] == 1 and film.seconds < 5
    painted = []
    for number in range(frames.n_frames):
        frames.seek(number)
        painted.append(int(blue(np.asarray(frames.convert("RGB")) / 255).sum()))
    assert painted == sorted(painted) and painted[-1] > 4 * painted[1] > 0
    still = Image.open(io.BytesIO(film.still))
    assert getattr(still, "n_frames", 1) == 1
    assert np.array_equal(np.asarray(still.convert("RGB")), np.asarray(frames.convert("RGB")))


def test_a_cavity_on_the_left_is_cut_on_the_right_and_measured(
    spine: Spine, injection: BodyInjection, kept: KeptCement
) -> None:
    flow = injection.flow
    local = flow.local_mm[..., 2]  # to the left
    inside = flow.bone & (local > 2.0) & (local < 9.0)
    marked = np.where(inside, CAVITY, np.where(flow.bone, BONE, 0)).astype(float)
    body = Volume(marked, kept.share.geometry, "1")
    picture = draw_cavity(course_of(injection), replace(kept, body=body), spine)
    assert picture is not None and draw_cavity(course_of(injection), kept, spine) is None
    room, there, around = (float(row[1]) for row in picture.table.rows)
    assert room == pytest.approx(inside.sum() * 8 / 1000, abs=0.005)  # voxels of 8 mm³, two digits printed
    assert there + around == pytest.approx(injection.result.in_bone_ml, abs=0.01) and min(there, around) > 0
    assert there == pytest.approx(kept.share.array[inside].sum() * 8 / 1000, abs=0.005)
    assert f"{room:.1f} mL" in picture.alt
    shown = pixels(picture)[:, : pixels(picture).shape[1] // 3]
    red = (shown[..., 0] > 0.7) & (shown[..., 1] < 0.2) & (shown[..., 2] < 0.2)
    middle = red.shape[1] // 2
    assert red[:, middle:].sum() > 20 * red[:, :middle].sum() and red.any()


def test_the_map_tells_each_path_and_what_has_no_opening(
    spine: Spine, injection: BodyInjection, kept: KeptCement
) -> None:
    picture = draw_leak_map(course_of(injection), kept, spine)
    rows = {row[0]: row for row in picture.table.rows}
    assert float(rows["disc above"][1]) == pytest.approx(injection.leak("disc_superior").volume_ml, abs=5e-4)
    assert float(rows["disc above"][1]) > 0 and rows["disc above"][3] == "superior endplate defect"
    assert rows["disc below"][1:] == ("0.000", "-", "no opening in the model")
    assert len(rows) == 6
    told = CementModel.of(injection)
    pit = next(one for one in told.openings if one.path == "disc_superior")
    centre = spine["L1"].frame
    assert centre is not None and centre.to_local(np.array(pit.place_mm))[0] > 5  # at the upper endplate


def test_two_fillings_at_different_depths_are_both_seen() -> None:
    """One plane through the middle showed a two-sided filling as one-sided. Axes: front, left, head."""
    there = np.zeros((6, 8, 4), bool)
    there[1, 1, 2] = there[4, 6, 2] = True
    front, side = cement_seen(there, "from the front"), cement_seen(there, "from the side")
    assert front[2, 1] == front[2, 6] == 1.0 and front.sum() == 2  # rows go up
    assert side[2, 1] == side[2, 4] == 1.0 and side.sum() == 2


def test_pressures_add_up_and_carry_the_words(injection: BodyInjection) -> None:
    picture = draw_pressures(course_of(injection))
    syringe, cannula, bone = (float(row[1]) for row in picture.table.rows)
    assert syringe == pytest.approx(cannula + bone, abs=0.002)
    assert "not calibrated on patients" in picture.alt


def test_a_long_run_is_thinned_and_keeps_its_highest_pressure() -> None:
    steps = 1000
    tip = np.ones(steps)
    tip[333] = 7000.0
    time = np.linspace(5, 6, steps)
    told = PressuresModel.of(PressureCourse(time, np.zeros(steps), time, time, tip, np.zeros(steps)))
    assert len(told.minutes) <= MOST_STEPS + 1
    assert max(told.syringe_mpa) == pytest.approx(7.0) and told.minutes[-1] == 6.0


def test_shares_are_told_by_permeability_beside_what_was_published(injection: BodyInjection, leaks: LeakShares) -> None:
    picture = draw_leak_shares(course_of(injection, leaks))
    rows = {row[0]: row for row in picture.table.rows}
    some = leaks.path(None).share
    assert rows["any way out"][1].startswith(f"{some.leaked} of {some.runs} (")
    assert any(name.startswith("disc below (no way there") for name in rows)
    assert "33 % (any, of vertebroplasty levels)" in rows["any way out"][4]
    assert rows["needle track"][4] == "none verified"
    told = f"{picture.alt} {picture.table.caption} {' '.join(picture.table.head)}".lower()
    assert "share of simulated runs" in told and "not calibrated" in told
    assert not any(word in told for word in ("risk", "chance", "probab"))


def test_the_same_injection_gives_the_same_bytes(spine: Spine, injection: BodyInjection, kept: KeptCement) -> None:
    course = course_of(injection)
    assert draw_pressures(course).png == draw_pressures(course).png
    assert film_cement(course, kept, spine).apng == film_cement(course, kept, spine).apng


def test_the_surface_lies_where_the_cement_does(kept: KeptCement) -> None:
    """Closed, its middle that of the cement; its volume within a fifth of the voxels at least half as full."""
    surface = cement_surface(kept)
    assert isinstance(surface, trimesh.Trimesh) and surface.is_watertight
    share = kept.share.array
    cells = np.argwhere(share >= 0.5 * share.max())
    assert np.allclose(surface.center_mass, kept.share.geometry.points(cells).mean(axis=0), atol=1.0)
    assert surface.volume == pytest.approx(8.0 * len(cells), rel=0.2)


def test_the_cells_are_read_by_another_program(kept: KeptCement, tmp_path: Path) -> None:
    there = kept.share.array > 0.02
    fields = {"cement_share": kept.share.array, "half_full_min": kept.minutes.array}
    write_cells_vtu(tmp_path / "cement.vtu", kept.share.geometry, there, fields)
    mesh = meshio.read(tmp_path / "cement.vtu")
    assert len(mesh.cells[0].data) == there.sum()
    assert np.allclose(np.concatenate(mesh.cell_data["cement_share"]), kept.share.array[there])
    middles = mesh.points[mesh.cells[0].data].mean(axis=1)
    assert np.allclose(middles, kept.share.geometry.points(np.argwhere(there)), atol=1e-5)
