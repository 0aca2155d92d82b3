"""Strength in a case folder: strength.json, and the fields of each pressed level as NIfTI in the CT's frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spondyl.documents.records import from_json, write_document
from spondyl.documents.strength import LevelStrengthModel, StrengthDocument
from spondyl.simulation import PressedFields
from spondyl.spine import Level
from spondyl.studies import read_voxel_field, write_array

STRENGTH_FILE = "strength.json"


@dataclass(frozen=True, eq=False)
class KeptStrength:
    """What a case folder holds of strength."""

    document: StrengthDocument
    fields: tuple[PressedFields, ...] = ()  # of the levels that were pressed, in their order


def write_strength(folder: Path, document: StrengthDocument, fields: Sequence[PressedFields]) -> tuple[str, ...]:
    """Write the document and the fields of its levels; gives the names of the files."""
    named: list[LevelStrengthModel] = []
    written: list[str] = []
    for level, own in zip(document.levels, fields, strict=True):
        names = f"strength_{level.level}_strain.nii.gz", f"strength_{level.level}_lasting.nii.gz"
        for name, field in zip(names, (own.least_strain, own.lasting_strain), strict=True):
            write_array(field.array.astype(np.float32), field.geometry, folder / name)
        named.append(level.model_copy(update={"strain_file": names[0], "lasting_file": names[1]}))
        written += names
    write_document(folder / STRENGTH_FILE, document.model_copy(update={"levels": tuple(named)}))
    return STRENGTH_FILE, *written


def read_strength(folder: Path) -> KeptStrength:
    """The strength of a case folder with its fields."""
    document = from_json(StrengthDocument, folder / STRENGTH_FILE)
    return KeptStrength(document, tuple(_fields(folder, level) for level in document.levels if level.strain_file))


def _fields(folder: Path, level: LevelStrengthModel) -> PressedFields:
    assert level.strain_file is not None and level.lasting_file is not None  # written together
    strain, lasting = (read_voxel_field(folder / name, "1") for name in (level.strain_file, level.lasting_file))
    return PressedFields(Level.parse(level.level), strain, lasting)
