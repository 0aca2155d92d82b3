"""Tables of a cement's curve."""

from pathlib import Path

import pytest

from spondyl.documents.injection_files import read_cement
from spondyl.errors import InputError


def table(folder: Path, *rows: str) -> str:
    path = folder / "own.csv"
    head = "brand,temperature_c,age_s,consistency_pa_s_n,index,source"
    path.write_text("\n".join((head, *(f"own,{row},0.6,sheet" for row in rows))))
    return str(path)


def test_curves_at_two_temperatures_may_both_begin_at_mixing(tmp_path: Path) -> None:
    """Refused before as 'ages do not rise', though rows of age 0 agree at any temperature."""
    cement = read_cement(table(tmp_path, "25,0,100", "25,300,400", "37,0,100", "37,300,900"))
    assert cement.ages_s[:2] == (0.0, 300.0) and len(cement.ages_s) == 3
    assert cement.ages_s[2] > 300.0  # 300 s at 37 C are more on the clock of 25 C
    assert cement.consistencies_pa_s_n == (100.0, 400.0, 900.0)


def test_two_consistencies_at_one_age_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"at 0 s on the clock of 25 C the consistency is 90 and 100 Pa s\^n"):
        read_cement(table(tmp_path, "25,0,100", "37,0,90", "37,300,900"))
