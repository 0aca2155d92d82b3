import pytest

from spondyl.app.strength import StrengthWish
from spondyl.errors import InputError


def test_a_wish_survives_run_json_beside_other_things() -> None:
    wish = StrengthWish(ends="disc", damage=True)
    assert StrengthWish.of(wish.parameters | {"levels": ["L1"]}) == wish
    assert StrengthWish.of({"levels": ["L1"], "damage": True}) == StrengthWish(damage=True)  # written by an earlier one


def test_unknown_ends_are_refused() -> None:
    with pytest.raises(InputError, match="--ends is 'bone'; one of cement, disc is expected"):
        StrengthWish(ends="bone")
