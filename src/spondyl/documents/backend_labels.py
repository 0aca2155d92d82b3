"""Labels that an outside segmenter made: their files, and the JSON that says who made them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from spondyl.documents.base import Document
from spondyl.documents.label_files import check_label_name, parts_path
from spondyl.documents.models import LevelName
from spondyl.spine import Level
from spondyl.spine.segmenters.backends import BackendLabels, verse_labels
from spondyl.studies import write_label_nifti

_VERTEBRAE = {int(level) for level in Level}


class BackendLabelsDocument(Document):
    """What an outside segmenter found in a CT."""

    schema_: Literal["spondyl.backend_labels/1"] = "spondyl.backend_labels/1"
    made_by: str  # name and version of the program
    labels: str  # label image in VerSe's numbers, with names in it
    parts: str | None  # sub-regions in the numbers of SPINEPS; null: the program makes none
    levels: tuple[LevelName, ...]  # from head to foot, as the program names them


def write_backend_labels(path: Path | str, answer: BackendLabels) -> BackendLabelsDocument:
    """Write a backend's vertebrae as one label image in VerSe's numbers, and its sub-regions beside it."""
    out = Path(path)
    check_label_name(out)
    labels = verse_labels(answer)
    assert labels.names is not None
    parts = parts_path(out)
    write_label_nifti(labels.labels, out, names=labels.names)
    if answer.subregions is not None:
        write_label_nifti(answer.subregions.labels, parts)
    levels = sorted((Level(n) for n in labels.names if n in _VERTEBRAE), key=lambda level: level.order)
    return BackendLabelsDocument(
        made_by=answer.made_by,
        labels=str(out),
        parts=None if answer.subregions is None else str(parts),
        levels=tuple(levels),
    )
