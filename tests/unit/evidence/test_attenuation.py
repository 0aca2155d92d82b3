"""The attenuation table: made again, checked against values of NIST, refused outside its range."""

from __future__ import annotations

import csv

import pytest

from spondyl.errors import InputError
from spondyl.evidence.attenuation import MATERIALS, mass_attenuation
from tools.make_attenuation import TABLE, compositions, rows


def test_rows_can_be_made_again() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        kept = {row["energy_kev"]: row for row in csv.DictReader(file)}
    assert len(kept) == 121
    for row in rows(range(30, 151, 17)):
        # a later version of the element tables may differ in the last of five digits
        assert {k: float(v) for k, v in kept[row["energy_kev"]].items()} == pytest.approx(
            {k: float(v) for k, v in row.items()}, rel=2e-5
        )


@pytest.mark.parametrize(
    ("material", "energy_kev", "cm2_per_g"),
    [
        # Hubbell and Seltzer, NIST X-ray mass attenuation coefficients, table 4 (another compilation of elements)
        ("water", 60.0, 0.2059),
        ("water", 100.0, 0.1707),
        ("cortical_bone", 60.0, 0.3148),
        ("adipose", 60.0, 0.1974),
        ("air", 80.0, 0.1662),
    ],
)
def test_agrees_with_nist(material: str, energy_kev: float, cm2_per_g: float) -> None:
    # the two compilations agree to 1 % for light elements above 30 keV
    assert float(mass_attenuation(material, energy_kev)) == pytest.approx(cm2_per_g, rel=0.01)


def test_interpolates_between_rows() -> None:
    low, middle, high = mass_attenuation("k2hpo4", [70.0, 70.5, 71.0])
    assert high < middle < low


def test_fractions_add_up_to_one() -> None:
    assert set(compositions()) == set(MATERIALS)
    for parts in compositions().values():
        assert sum(parts.values()) == pytest.approx(1.0)


def test_refuses_what_is_not_tabulated() -> None:
    with pytest.raises(InputError, match="30 to 150 keV"):
        mass_attenuation("water", 20.0)
    with pytest.raises(InputError, match="materials are"):
        mass_attenuation("marrow", 70.0)
