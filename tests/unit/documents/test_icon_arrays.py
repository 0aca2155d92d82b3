"""The booklet's icon arrays: as many squares as people, and the rest rings, told apart by shape."""

import re

import pytest

from spondyl.documents.icon_arrays import PEOPLE, people_svg
from spondyl.errors import InputError


def places(drawing: str, name: str) -> list[tuple[int, int]]:
    """Column and row of each person that the dashed lines of a path draw."""
    lines = re.findall(rf'class="{name}" d="([^"]*)"', drawing)
    starts = re.findall(r"M(\d+) (\d+)h([\d.]+)", "".join(lines))
    return [(int(x) // 8 + i, int(y) // 8) for x, y, long in starts for i in range(int((float(long) + 8) // 8))]


@pytest.mark.parametrize("filled", [0, 3, 440, 1000])
def test_every_person_is_drawn_once(filled: int) -> None:
    drawing = people_svg(filled)
    squares, rings, holes = (places(drawing, name) for name in ("squares", "rings", "holes"))
    assert (len(squares), len(rings)) == (filled, PEOPLE - filled) and holes == rings
    assert len({*squares, *rings}) == PEOPLE


@pytest.mark.parametrize("filled", [-1, 1001])
def test_more_than_all_is_refused(filled: int) -> None:
    with pytest.raises(InputError, match="from 0 to 1000"):
        people_svg(filled)
