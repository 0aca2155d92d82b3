"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from fractions import Fraction
from types import ModuleType

import pytest

from spondyl.on_demand import names_on_demand


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A package with one name of its own and one on demand."""
    made = ModuleType("packed")
    made.own = 1  # type: ignore[attr-defined]
    made.__getattr__, made.__dir__ = names_on_demand("packed", {"fractions": ("Fraction",)})  # type: ignore[method-assign]
    monkeypatch.setitem(sys.modules, "packed", made)
    return made


def test_a_name_is_its_owners_and_stays(package: ModuleType) -> None:
    assert "Fraction" not in vars(package)
    assert package.Fraction is Fraction and vars(package)["Fraction"] is Fraction


def test_all_names_are_listed(package: ModuleType) -> None:
    assert {"own", "Fraction"} <= set(dir(package))


def test_an_unknown_name_says_which_there_are(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="module 'packed' has no attribute 'nonsense'; its names are: Fraction"):
        _ = package.nonsense
