"""What `spondyl synth` is told of single levels, such as L1:wedge:0.6."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spondyl.errors import InputError
from spondyl.spine import Level
from spondyl.synthetic import (
    CorticalDefect,
    Endplate,
    Focus,
    GasCleft,
    SchmorlNode,
    VertebraSpec,
    Wall,
    named_deformity,
    one_of,
)

Read = Callable[[Sequence[str]], dict[str, Any]]


def read_levels(given: Mapping[str, Sequence[str] | None]) -> dict[Level, VertebraSpec]:
    """Options of single levels, from what was given by option; what is given twice for a level is refused.

    Lesions of one level add up.
    """
    found: dict[Level, dict[str, Any]] = {}
    for option, read in _READERS.items():
        for text in given.get(option) or ():
            level, words = split(option, text)
            _add(found.setdefault(level, {}), _read(option, text, words, read), option, level)
    return {level: VertebraSpec(**fields) for level, fields in found.items()}


def read_breaks(texts: Sequence[str] | None) -> dict[Level, tuple[str, float]]:
    """Shape and what is left of the most affected height, by level."""
    found: dict[Level, tuple[str, float]] = {}
    for text in texts or ():
        level, words = split("breaks", text)
        if level in found:
            raise InputError(f"--break is given twice for {level.name}: once is expected")
        found[level] = _read("breaks", text, words, _shape)
    return found


def split(option: str, text: str) -> tuple[Level, list[str]]:
    """The level before the first colon, and the words behind it."""
    level, *words = text.split(":")
    if not words and option != "gas_clefts":
        raise InputError(_unlike(option, text))
    return Level.parse(level), words


def _read(option: str, text: str, words: Sequence[str], read: Callable[[Sequence[str]], Any]) -> Any:
    try:
        return read(words)
    except (ValueError, IndexError):
        raise InputError(_unlike(option, text)) from None


def _unlike(option: str, text: str) -> str:
    flag, form, example = FORMS[option]
    return f"{flag} is {form} such as {example}, found '{text}'"


def _add(fields: dict[str, Any], new: dict[str, Any], option: str, level: Level) -> None:
    for name, value in new.items():
        if name == "foci":
            fields["foci"] = (*fields.get("foci", ()), *value)
        elif name in fields:
            raise InputError(f"{FORMS[option][0]} is given twice for {level.name}: once is expected")
        else:
            fields[name] = value


def _shape(words: Sequence[str]) -> tuple[str, float]:
    shape, left = words
    return shape, float(left)


def _sizes(words: Sequence[str], name: str, at: int) -> dict[str, float]:
    """A size where one is given; none more than that."""
    if len(words) > at + 1:
        raise ValueError
    return {name: float(words[at])} if len(words) > at else {}


FORMS = {
    "breaks": ("--break", "LEVEL:SHAPE:FRACTION", "L1:wedge:0.6"),
    "level_densities": ("--level-density", "LEVEL:MG_CM3", "L3:60"),
    "pedicle_widths": ("--pedicle-width", "LEVEL:MM", "T12:5.5"),
    "gas_clefts": ("--gas-cleft", "LEVEL or LEVEL:HEIGHT_MM", "L1:4"),
    "endplate_defects": ("--endplate-defect", "LEVEL:ENDPLATE or LEVEL:ENDPLATE:DEPTH_MM", "L2:superior:4"),
    "wall_defects": ("--wall-defect", "LEVEL:WALL or LEVEL:WALL:RADIUS_MM", "L1:posterior:5"),
    "lesions": ("--lesion", "LEVEL:MG_CM3 or LEVEL:MG_CM3:RADIUS_MM", "L3:10:8"),
    "osteophytes": ("--osteophyte", "LEVEL:MM", "L4:5"),
    "posterior_bulges": ("--posterior-bulge", "LEVEL:MM", "L1:4"),
}
_READERS: dict[str, Read] = {
    "breaks": lambda w: {"deformity": named_deformity(*_shape(w))},
    "level_densities": lambda w: _sizes(w, "density_mg_cm3", 0),
    "pedicle_widths": lambda w: _sizes(w, "pedicle_width_mm", 0),
    "gas_clefts": lambda w: {"gas_cleft": GasCleft(**_sizes(w, "height_mm", 0))},
    "endplate_defects": lambda w: {"schmorl_node": SchmorlNode(one_of(Endplate, w[0]), **_sizes(w, "depth_mm", 1))},
    "wall_defects": lambda w: {"cortical_defect": CorticalDefect(one_of(Wall, w[0]), **_sizes(w, "radius_mm", 1))},
    "lesions": lambda w: {"foci": (Focus(float(w[0]), **_sizes(w, "radius_mm", 1)),)},
    "osteophytes": lambda w: _sizes(w, "osteophyte_mm", 0),
    "posterior_bulges": lambda w: _sizes(w, "posterior_bulge_mm", 0),
}
