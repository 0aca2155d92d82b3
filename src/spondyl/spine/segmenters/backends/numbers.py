"""The labels of a backend in the numbers that are used inside, with their names."""

from __future__ import annotations

import numpy as np

from spondyl.space import Volume
from spondyl.spine.label_maps import CANAL, CORD, LabelMap, choose_label_map, load_label_map
from spondyl.spine.masks import label_numbers
from spondyl.spine.segmenters.backends.types import BackendLabels
from spondyl.spine.types import Level
from spondyl.studies import LabelImage

CORD_NUMBER, CANAL_NUMBER = 60, 61  # as SPINEPS numbers them


def verse_labels(answer: BackendLabels) -> LabelImage:
    """The vertebrae, canal and cord of a backend as a label image in VerSe's numbers, with names in it.

    S1 counts as sacrum. Whatever else the backend labelled is left out.

    Raises
    ------
    InputError
        If the numbers cannot be read, or contradict the names in the file.
    """
    given = answer.labels.labels
    found = label_numbers(given)
    asked = None if answer.label_map is None else load_label_map(answer.label_map)
    chosen, _ = choose_label_map(found, answer.labels.names, asked)
    numbers = {number: inside for number in found if (inside := _inside(number, chosen)) is not None}
    code = np.zeros(max(found) + 1, np.uint8)
    for number, inside in numbers.items():
        code[number] = inside
    names = {inside: _structure(inside) for inside in sorted(set(numbers.values()))}
    return LabelImage(Volume(code[given.array], given.geometry, "1"), names, dict(answer.labels.source_hashes))


def _inside(number: int, chosen: LabelMap) -> int | None:
    if number in chosen.levels:
        return int(chosen.levels[number])
    return CANAL_NUMBER if number in chosen.canal else CORD_NUMBER if number in chosen.cord else None


def _structure(number: int) -> str:
    """A structure's name as TotalSegmentator writes it, so that other programs know it too."""
    if number in (CANAL_NUMBER, CORD_NUMBER):
        return CANAL if number == CANAL_NUMBER else CORD
    level = Level(number)
    return level.name.lower() if level in (Level.SACRUM, Level.COCCYX) else f"vertebrae_{level.name}"
