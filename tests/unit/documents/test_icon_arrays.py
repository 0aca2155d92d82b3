"""The booklet's icon arrays: as many squares as people, and the rest rings, told apart by shape."""

import re

import pytest

from spondyl.documents.icon_arrays import PEOPLE, people_svg
from spondyl.errors import InputError


@pytest.mark.parametrize("filled", [0, 3, 440, 1000])
def test_every_person_is_drawn_once(filled: int) -> None:
    drawing = people_svg(filled)
    squares = re.findall(r"M(\d+) (\d+)h6v6", drawing)
    rings = re.findall(r"M(\d+) (\d+)a2", drawing)
    assert (len(squares), len(rings)) == (filled, PEOPLE - filled)
    assert len({(int(x) // 8, int(y) // 8) for x, y in (*squares, *rings)}) == PEOPLE


@pytest.mark.parametrize("filled", [-1, 1001])
def test_more_than_all_is_refused(filled: int) -> None:
    with pytest.raises(InputError, match="from 0 to 1000"):
        people_svg(filled)
