"""Pictures: the same bytes each time, heights drawn where they were measured, left and right as marked."""

import dataclasses
import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import image as images
from matplotlib.figure import Figure
from PIL import Image

from spondyl.documents.figures import (
    DOTS_PER_INCH,
    STYLE,
    draw_close_up,
    draw_coronal,
    draw_height_profile,
    draw_sagittal,
    height_lines,
    png_of,
)
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.space import Volume
from spondyl.spine import Level, Spine

BRIGHT = 3000


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(images.imread(io.BytesIO(png), format="png"))[..., :3]


def marked(spine: Spine, point: tuple[float, float, float]) -> Spine:
    """The same spine with a bright ball of 5 mm at a patient point, in a CT that is dark elsewhere."""
    assert spine.study is not None
    ct = spine.study.ct
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in ct.array.shape], indexing="ij"), axis=-1)
    near = np.linalg.norm(ct.geometry.points(indices) - point, axis=-1) < 5
    array = np.where(near, BRIGHT, -1000).astype(np.int16)
    study = dataclasses.replace(spine.study, ct=Volume(array, ct.geometry, ct.unit))
    return dataclasses.replace(spine, study=study)


def bright_columns(png: bytes, part: slice) -> float:
    """Mean column of what is nearly white but not text: a run of 24 white pixels or more, as share of the part."""
    picture = pixels(png)[:, part]
    white = (picture > 0.95).all(axis=-1)
    solid = np.ones_like(white[:, 24:])
    for shift in range(24):
        solid &= white[:, shift : white.shape[1] - 24 + shift]
    picture_columns = white[60:-60].mean(axis=0)[: solid.shape[1]] < 0.9  # not the paper beside it
    inner = solid[60:-60] & picture_columns  # without the words above and below
    return float(np.argwhere(inner)[:, 1].mean() / white.shape[1])


@pytest.mark.parametrize("has_ct", [True, False])
def test_the_same_records_give_the_same_bytes(spine: Spine, findings: Findings, has_ct: bool) -> None:
    shown = spine if has_ct else dataclasses.replace(spine, study=None)
    assert draw_sagittal(shown, findings) == draw_sagittal(shown, findings)
    assert draw_coronal(shown, findings).png == draw_coronal(shown, findings).png


def test_heights_are_drawn_as_long_as_they_were_measured(spine: Spine) -> None:
    """L1 is a wedge: 25 mm less 10 mm times 7/8, 1/2 and 1/8 of the depth from the back."""
    lines = height_lines(spine["L1"])
    lengths = {name: float(np.linalg.norm(ends[0] - ends[1])) for name, ends in lines.items()}
    assert lengths == pytest.approx(
        {"anterior_height": 16.25, "middle_height": 20.0, "posterior_height": 23.75}, abs=0.01
    )
    centre = spine.centres[1]
    assert lines["anterior_height"][0][1] < centre[1] < lines["posterior_height"][0][1]  # LPS: the front is lower


def test_nothing_is_drawn_where_no_surface_was_found(spine: Spine) -> None:
    assert height_lines(dataclasses.replace(spine["L1"], superior=None)) == {}
    assert height_lines(dataclasses.replace(spine["L1"], anterior=None)) == {}


def test_text_twins_hold_the_same_numbers(spine: Spine, findings: Findings) -> None:
    picture = draw_sagittal(spine, findings)
    assert "L1 (grade 3)" in picture.alt and "head up" in picture.alt
    row = next(row for row in picture.table.rows if row[0] == "L1")
    assert row[1].startswith("16.2 mm") and row[3].startswith("23.8 mm") and "severe" in row[4]
    assert draw_height_profile(spine, findings).table == picture.table


def test_without_deformity_the_twin_says_so(spine: Spine) -> None:
    assert "No level is marked as deformed." in draw_sagittal(spine, ()).alt


def test_the_patients_left_is_on_the_right_of_frontal_and_axial_pictures(spine: Spine, findings: Findings) -> None:
    left = marked(spine, (22.0, -10.0, -35.0))  # LPS: x grows to the left; L1's centre has x = 4
    right = marked(spine, (-14.0, -10.0, -35.0))
    half = slice(0, None)
    assert bright_columns(draw_coronal(left, findings).png, half) > bright_columns(
        draw_coronal(right, findings).png, half
    )
    axial = slice(580, 1060)  # the right of the two pictures
    close = [bright_columns(draw_close_up(s, Level.L1, findings).png, axial) for s in (left, right)]
    assert close[0] > 0.55 > 0.45 > close[1]


def test_the_front_is_on_the_left_of_side_pictures(spine: Spine, findings: Findings) -> None:
    front, back = (marked(spine, (4.0, y, -35.0)) for y in (-40.0, 45.0))
    place = [bright_columns(draw_close_up(s, Level.L1, findings).png, slice(0, 530)) for s in (front, back)]
    assert place[0] < place[1]


def test_no_close_up_without_axes(spine: Spine, findings: Findings) -> None:
    bare = tuple(dataclasses.replace(v, frame=None) for v in spine)
    with pytest.raises(InputError, match="no frame"):
        draw_close_up(dataclasses.replace(spine, vertebrae=bare), Level.L1, findings)


def test_a_picture_has_the_pixels_that_the_library_saves_and_no_transparency() -> None:
    figures = [Figure(figsize=(3, 2), layout="constrained") for _ in range(2)]
    for figure in figures:
        axes = figure.add_subplot(xlabel="mm", title="a long title over the axes")
        axes.imshow(np.arange(12.0).reshape(3, 4), alpha=0.5)
        figure.legend(axes.plot([0, 3], [0, 2], label="way"), ["way"], loc="outside lower center")
    mine, theirs = Image.open(io.BytesIO(png_of(figures[0]))), io.BytesIO()
    with mpl.rc_context(STYLE):
        figures[1].savefig(theirs, format="png", dpi=DOTS_PER_INCH)
    saved = Image.open(theirs)
    assert mine.mode == "RGB" and mine.info["dpi"] == saved.info["dpi"]
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(saved.convert("RGB")))
