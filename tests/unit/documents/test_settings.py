"""Settings of a place: what is not set stays so, what is misspelt is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from spondyl.documents.settings import NUMBER_UNSET, TEAM_UNSET, Settings, read_settings
from spondyl.errors import InputError


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(text, "utf-8")
    return path


def test_without_a_file_nothing_is_set() -> None:
    here = read_settings(None)
    assert here == Settings(None, None)
    assert (here.number_words, here.team_words) == (NUMBER_UNSET, TEAM_UNSET)


def test_a_file_is_read_and_a_flag_wins(tmp_path: Path) -> None:
    path = write(tmp_path, 'emergency_number = " 144 "\nteam = ["surgery", "oncology"]\n')
    assert read_settings(path) == Settings("144", ("surgery", "oncology"))
    assert read_settings(path, "112") == Settings("112", ("surgery", "oncology"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('emergency = "112"', "unknown key emergency; known are emergency_number, team"),
        ("emergency_number = 112", "emergency_number is not what is expected: in quotes"),
        ('emergency_number = "call me"', "something else than digits"),
        ('team = "surgery"', "team is not what is expected: a list"),
        ('team = [""]', "team is not what is expected: a list"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_settings(write(tmp_path, text))
