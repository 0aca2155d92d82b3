"""Which number of a label image means which vertebra.

Every outside tool numbers vertebrae in its own way, and the same number means different vertebrae: 26 is the sacrum
(VerSe), S1 (TotalSegmentator 2), L6 (its version 3) or T9 (its version 1). So a number is only read through names that
stand in the file, or through a map that the user named; it is never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from spondyl.errors import InputError
from spondyl.spine.surroundings import read_surrounding_name
from spondyl.spine.types import Level, Surrounding
from spondyl.studies.tables import read_table_text

LABEL_MAP_NAMES = ("verse", "spineps", "totalseg", "totalseg-v3", "totalseg-v1", "vertebrae_pp", "vertebrae_mr")
CANAL, CORD = "spinal_canal", "spinal_cord"

_VERTEBRA = re.compile(r"(?:vertebrae?[ _-]?)?([CTL]\d{1,2})", re.IGNORECASE)
_SACRUM = re.compile(r"(?:vertebrae?[ _-]?)?(?:sacrum|S1)", re.IGNORECASE)
_COCCYX = re.compile(r"coccyx|cocygis|coccygis", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """The meaning of a tool's numbers: levels, canal, cord and surroundings where it has them, what is left out."""

    name: str
    levels: Mapping[int, Level]
    canal: frozenset[int] = frozenset()  # numbers of the spinal canal
    cord: frozenset[int] = frozenset()  # and of the cord in it
    others: frozenset[int] = field(default_factory=frozenset)  # known structures that nothing is made of
    surroundings: Mapping[int, Surrounding] = field(default_factory=dict)  # beside the spine

    def __post_init__(self) -> None:
        for name in ("levels", "surroundings"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def __reduce__(self) -> tuple[Any, ...]:
        known = self.canal, self.cord, self.others
        return type(self), (self.name, dict(self.levels), *known, dict(self.surroundings))

    def unknown(self, numbers: Iterable[int]) -> tuple[int, ...]:
        """The numbers this map says nothing about."""
        known = self.canal | self.cord | self.others | set(self.levels) | set(self.surroundings)
        return tuple(n for n in sorted(numbers) if n not in known)


def read_level_name(name: str) -> Level | None:
    """The level that a structure's name stands for, such as "vertebrae_L1", "T12" or "sacrum"; None: no vertebra.

    S1 is the top of the sacrum and counts as sacrum.

    >>> read_level_name("vertebrae_T12").name, read_level_name("vertebrae_S1").name, read_level_name("liver")
    ('T12', 'SACRUM', None)
    """
    name = name.strip()
    if _SACRUM.fullmatch(name):
        return Level.SACRUM
    if _COCCYX.fullmatch(name):
        return Level.COCCYX
    match = _VERTEBRA.fullmatch(name)
    return Level.__members__.get(match[1].upper()) if match else None


def label_map_of_names(names: Mapping[int, str], name: str = "names in the file") -> LabelMap:
    """The map that the names of a label image give."""
    levels: dict[int, Level] = {}
    canal = frozenset(n for n, text in names.items() if text.strip().lower() == CANAL)
    cord = frozenset(n for n, text in names.items() if text.strip().lower() == CORD)
    for number, text in names.items():
        level = read_level_name(text)
        if level is not None:
            levels[number] = level
    read = {number: read_surrounding_name(text) for number, text in names.items()}
    around = {number: kind for number, kind in read.items() if kind is not None}
    others = frozenset(names) - frozenset(levels) - canal - cord - frozenset(around)
    return LabelMap(name, levels, canal, cord, others, around)


def load_label_map(name: str | Path) -> LabelMap:
    """A map that ships with the package, by name (`LABEL_MAP_NAMES`), or a user's FILE.tsv."""
    if Path(name).suffix.lower() == ".tsv":
        return label_map_of_names(parse_names(read_table_text(name), Path(name).name), Path(name).name)
    if name not in LABEL_MAP_NAMES:
        raise InputError(
            f"there is no label map '{name}'; maps are {', '.join(LABEL_MAP_NAMES)}, or a file FILE.tsv with the "
            "columns number and name"
        )
    return label_map_of_names(load_names(str(name)), str(name))


def load_names(name: str) -> dict[int, str]:
    """Numbers and names of a table that ships with the package."""
    return parse_names(files("spondyl.spine").joinpath("data", f"{name}.tsv").read_text("utf-8"), name)


def parse_names(text: str, name: str) -> dict[int, str]:
    """Numbers and names of a table with the columns number and name, separated by tabs.

    A range such as "101-128" names all its numbers that no row of their own names.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines or [cell.strip().lower() for cell in lines[0].split("\t")[:2]] != ["number", "name"]:
        raise InputError(f"{name}: a table with the tab-separated columns number and name is expected")
    names: dict[int, str] = {}
    ranges: dict[int, str] = {}
    for line in lines[1:]:
        cells = [cell.strip() for cell in line.split("\t")]
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", cells[0])
        if match is None or len(cells) < 2 or not cells[1]:
            raise InputError(f"{name}: a number and a name are expected in each row, found {line!r}")
        if match[2]:
            ranges.update(dict.fromkeys(range(int(match[1]), int(match[2]) + 1), cells[1]))
        elif int(match[1]) in names:
            raise InputError(f"{name}: number {match[1]} stands twice; name each number once")
        else:
            names[int(match[1])] = cells[1]
    return ranges | names


def choose_label_map(
    found: Iterable[int], names: Mapping[int, str] | None, label_map: LabelMap | None
) -> tuple[LabelMap, tuple[str, ...]]:
    """The map to read these numbers with, from the file's own names and the map that was asked for, and notes.

    Parameters
    ----------
    found
        Numbers in the label image, without 0.
    names
        Names that stand in the file.
    label_map
        Map that the user named.

    Raises
    ------
    InputError
        If there is neither, if both contradict one another, or if the map does not fit the numbers.
    """
    numbers = sorted(found)
    own = label_map_of_names(names) if names else None
    if label_map is None and own is None:
        raise InputError(
            f"the label image holds the numbers {listed(numbers)} without names, and the same number means different "
            f"vertebrae in different tools; name the tool with a label map: {', '.join(LABEL_MAP_NAMES)}, or FILE.tsv "
            "with the columns number and name"
        )
    if label_map is None:
        assert own is not None
        return _checked(own, numbers, strict=False)
    if own is not None:
        _refuse_contradiction(own, label_map, numbers)
    return _checked(label_map, numbers, strict=True)


def listed(numbers: Iterable[int]) -> str:
    """Numbers as text, runs joined: "1-3, 7"."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ", ".join("-".join(map(str, part)) for part in parts) or "none"


def _refuse_contradiction(own: LabelMap, given: LabelMap, numbers: list[int]) -> None:
    for number in numbers:
        here, there = own.levels.get(number), given.levels.get(number)
        if number in own.levels and here is not there:
            meaning = "no vertebra" if there is None else there.name
            raise InputError(
                f"the file itself names number {number} {own.levels[number].name}, the label map {given.name} says "
                f"{meaning}; leave out the label map to use the file's names, or correct the file"
            )


def _checked(label_map: LabelMap, numbers: list[int], *, strict: bool) -> tuple[LabelMap, tuple[str, ...]]:
    unknown = label_map.unknown(numbers)
    if unknown and strict and set(numbers) <= set(load_names("spineps-subregions")):
        raise InputError(
            f"the numbers {listed(numbers)} are sub-regions of vertebrae, not vertebrae: give this file as sub-regions "
            "beside the label image of the vertebrae"
        )
    if unknown and strict:
        raise InputError(
            f"the label map {label_map.name} does not fit: the image holds the numbers {listed(numbers)}, and the map "
            f"says nothing about {listed(unknown)}; name the map of the tool that made the labels, or write FILE.tsv "
            "with the columns number and name (name 'other' leaves a number out)"
        )
    read = {label_map.levels[n] for n in numbers if n in label_map.levels}
    if not read - {Level.SACRUM, Level.COCCYX}:
        raise InputError(
            f"no vertebra is found with the label map {label_map.name}: the image holds the numbers {listed(numbers)}; "
            "name the map of the tool that made the labels"
        )
    notes = []
    if unknown:
        notes.append(f"numbers without a name in the label file are left out: {listed(unknown)}")
    others = [n for n in numbers if n in label_map.others]
    if others:
        notes.append(f"labels that nothing is made of are left out: {listed(others)}")
    return label_map, tuple(notes)
