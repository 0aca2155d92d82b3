"""Numbers of outside tools: each against the table they were taken from, and what happens when they do not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from spondyl.errors import InputError
from spondyl.spine.label_maps import (
    LABEL_MAP_NAMES,
    choose_label_map,
    label_map_of_names,
    listed,
    load_label_map,
    load_names,
    parse_names,
    read_level_name,
)
from spondyl.spine.surroundings import read_surrounding_name
from spondyl.spine.types import Level

CERVICAL_TO_LUMBAR = [
    *(f"C{i}" for i in range(1, 8)),
    *(f"T{i}" for i in range(1, 13)),
    *(f"L{i}" for i in range(1, 6)),
]

# Number of C1 and of L5, whether the numbers fall towards the feet, and the rest, from the tools' own documentation.
PUBLISHED = {
    "verse": (1, 24, {25: "L6", 26: "SACRUM", 27: "COCCYX", 28: "T13"}),
    "spineps": (1, 24, {25: "L6", 26: "SACRUM", 27: "COCCYX", 28: "T13"}),
    "totalseg": (50, 27, {25: "SACRUM", 26: "SACRUM"}),
    "totalseg-v3": (50, 27, {25: "SACRUM", 26: "L6"}),
    "totalseg-v1": (41, 18, {92: "SACRUM"}),
    "vertebrae_pp": (1, 24, {}),
    "vertebrae_mr": (25, 2, {1: "SACRUM"}),
}


@pytest.mark.parametrize("name", LABEL_MAP_NAMES)
def test_every_number_of_a_tool_means_the_published_level(name: str) -> None:
    first, last, rest = PUBLISHED[name]
    step = 1 if last > first else -1
    expected = dict(zip(range(first, last + step, step), CERVICAL_TO_LUMBAR, strict=True)) | rest
    assert {number: level.name for number, level in load_label_map(name).levels.items()} == expected


def test_the_canal_and_cord_of_tools_that_have_them() -> None:
    assert (load_label_map("totalseg").canal, load_label_map("totalseg").cord) == (frozenset(), {79})
    for name in ("spineps", "verse"):  # one numbering, so that labels written here can be read as either
        assert (load_label_map(name).canal, load_label_map(name).cord) == ({61}, {60})


def test_verse_knows_the_numbers_around_its_vertebrae() -> None:
    """Discs are 100 and end plates 200 more than their level, as in SPINEPS and TPTBox; none of them is a vertebra."""
    chosen, notes = choose_label_map([19, 20, 26, 28, 60, 61, 119, 120, 219, 220], None, load_label_map("verse"))
    assert (chosen.levels[28], chosen.levels[26]) == (Level.T13, Level.SACRUM)
    assert notes == ("labels that nothing is made of are left out: 119-120, 219-220",)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("totalseg", {"aorta": [52], "inferior_vena_cava": [63], "iliac_vessels": [65, 66, 67, 68], "kidneys": [2, 3]}),
        (
            "totalseg-v1",
            {"aorta": [7], "inferior_vena_cava": [8], "iliac_vessels": [51, 52, 53, 54], "kidneys": [2, 3]},
        ),
    ],
)
def test_what_lies_beside_the_spine_has_the_published_numbers(name: str, expected: dict[str, list[int]]) -> None:
    """From the class maps of TotalSegmentator 2 and 1: lungs in five lobes, ribs 1-12 left, then right."""
    lungs, ribs = (range(10, 15), range(92, 116)) if name == "totalseg" else (range(13, 18), range(58, 82))
    found: dict[str, list[int]] = {}
    for number, kind in sorted(load_label_map(name).surroundings.items()):
        found.setdefault(kind.value, []).append(number)
    assert found == expected | {"lungs": list(lungs), "ribs": list(ribs)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("aorta", "aorta"),
        ("inferior_vena_cava", "inferior_vena_cava"),
        ("iliac_vena_left", "iliac_vessels"),
        ("rib_right_12", "ribs"),
        ("lung_middle_lobe_right", "lungs"),
        ("Kidney Left", "kidneys"),
        ("lung_vessels", None),
        ("kidney_cyst_left", None),
        ("costal_cartilages", None),
        ("superior_vena_cava", None),
    ],
)
def test_names_of_structures_beside_the_spine(text: str, kind: str | None) -> None:
    found = read_surrounding_name(text)
    assert (None if found is None else found.value) == kind


def test_sub_regions_have_the_numbers_of_spineps() -> None:
    names = load_names("spineps-subregions")
    assert (names[41], names[42], names[49], names[50]) == ("arch", "spinous_process", "body", "body")
    assert (names[43], names[44]) == ("costal_process_left", "costal_process_right")
    assert (names[60], names[61], names[100]) == ("spinal_cord", "spinal_canal", "disc")


def test_26_has_four_meanings_and_is_never_guessed() -> None:
    meanings = {name: load_label_map(name).levels.get(26) for name in LABEL_MAP_NAMES}
    assert meanings["verse"] is Level.SACRUM
    assert meanings["totalseg"] is Level.SACRUM  # S1, the top of the sacrum
    assert meanings["totalseg-v3"] is Level.L6
    assert meanings["totalseg-v1"] is Level.T9
    with pytest.raises(InputError, match=r"numbers 20-24, 26 without names.*totalseg-v1.*FILE\.tsv"):
        choose_label_map([20, 21, 22, 23, 24, 26], None, None)


def test_names_in_the_file_are_used() -> None:
    names = {3: "vertebrae_L1", 4: "vertebrae_T12", 9: "liver"}
    chosen, notes = choose_label_map([3, 4, 9], names, None)
    assert dict(chosen.levels) == {3: Level.L1, 4: Level.T12}
    assert notes == ("labels that nothing is made of are left out: 9",)


def test_a_number_without_a_name_is_left_out_and_said() -> None:
    chosen, notes = choose_label_map([3, 7], {3: "vertebrae_L1"}, None)
    assert 7 not in chosen.levels
    assert notes == ("numbers without a name in the label file are left out: 7",)


def test_names_in_the_file_that_agree_with_the_map_pass() -> None:
    chosen, _ = choose_label_map([27, 28], {27: "vertebrae_L5", 28: "vertebrae_L4"}, load_label_map("totalseg"))
    assert chosen.name == "totalseg"


def test_names_in_the_file_that_contradict_the_map_are_refused() -> None:
    with pytest.raises(InputError, match=r"names number 22 L1, the label map verse says L3"):
        choose_label_map([22, 23], {22: "vertebrae_L1", 23: "vertebrae_T12"}, load_label_map("verse"))


def test_a_map_that_does_not_know_a_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"verse does not fit.*holds the numbers 20-22, 79.*nothing about 79"):
        choose_label_map([20, 21, 22, 79], None, load_label_map("verse"))


def test_a_map_under_which_no_number_is_a_vertebra_is_refused() -> None:
    with pytest.raises(InputError, match=r"no vertebra is found with the label map totalseg.*8-24"):
        choose_label_map(range(8, 25), None, load_label_map("totalseg"))


def test_sub_regions_given_as_labels_are_recognised() -> None:
    with pytest.raises(InputError, match=r"41-42, 49-50 are sub-regions"):
        choose_label_map([41, 42, 49, 50], None, load_label_map("verse"))


def test_an_unknown_map_name_lists_the_maps() -> None:
    with pytest.raises(InputError, match=r"no label map 'total'; maps are verse, spineps"):
        load_label_map("total")


def test_a_map_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ours.tsv"
    file.write_text("number\tname\n1\tL1\n2\tvertebrae_L2\n3\tsacrum\n10-12\tother\n", "utf-8")
    label_map = load_label_map(file)
    assert dict(label_map.levels) == {1: Level.L1, 2: Level.L2, 3: Level.SACRUM}
    assert label_map.others == {10, 11, 12}
    assert label_map.name == "ours.tsv"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "columns number and name"),
        ("L1,20\n", "columns number and name"),
        ("number\tname\nL1\t20\n", "a number and a name are expected"),
        ("number\tname\n20\tL1\n20\tL2\n", "number 20 stands twice"),
    ],
)
def test_a_broken_table_is_explained(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_names(text, "ours.tsv")


def test_a_missing_map_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not there"):
        load_label_map(tmp_path / "none.tsv")


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("L1", Level.L1),
        ("vertebrae_T12", Level.T12),
        ("vertebra C7", Level.C7),
        ("T13", Level.T13),
        ("vertebrae_S1", Level.SACRUM),
        ("Sacrum", Level.SACRUM),
        ("coccyx", Level.COCCYX),
        ("T14", None),
        ("rib_left_1", None),
        ("disc_L1", None),
    ],
)
def test_structure_names(name: str, level: Level | None) -> None:
    assert read_level_name(name) is level


def test_runs_of_numbers_are_joined() -> None:
    assert listed([3, 1, 2, 7]) == "1-3, 7"
    assert listed([]) == "none"


def test_a_map_of_names_knows_the_canal() -> None:
    label_map = label_map_of_names({1: "L1", 2: "spinal_canal", 3: "spinal_cord"})
    assert (label_map.canal, label_map.cord) == ({2}, {3})
