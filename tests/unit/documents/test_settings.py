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
        ('emergency = "112"', "unknown key emergency; known are emergency_number, team, lowest_class"),
        ("emergency_number = 112", "emergency_number is not what is expected: in quotes"),
        ('emergency_number = "call me"', "something else than digits"),
        ('team = "surgery"', "team is not what is expected: a list"),
        ('team = [""]', "team is not what is expected: a list"),
        ('lowest_class = "B"', "lowest_class and lowest_class_source go together"),
        ('lowest_class_source = "board"', "lowest_class and lowest_class_source go together"),
        ('lowest_class = "none"\nlowest_class_source = "board"', "lowest class 'none' is not known"),
        ('lowest_class = "B"\nlowest_class_source = " "', "lowest_class_source is not what is expected: words"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_settings(write(tmp_path, text))


def test_the_lowest_class_keeps_its_source(tmp_path: Path) -> None:
    """Into run.json and back, over an earlier one as a pair, and as options of the plan."""
    here = read_settings(write(tmp_path, 'lowest_class = "B"\nlowest_class_source = "spine board 2026"\n'))
    assert here.needle == {"lowest_class": "B", "lowest_class_source": "spine board 2026"}
    assert Settings.of(here.parameters) == here
    assert Settings("112").over(here) == Settings("112", None, "B", "spine board 2026")
    assert here.over(Settings(lowest_class="A", lowest_class_source="older")).needle == here.needle
    assert Settings.of({"emergency_number": None, "team": None}).needle == {}  # a case from before
