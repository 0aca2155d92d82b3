"""What the own segmenter found and how it is named: the JSON, the label images beside it, and both read back."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from spondyl.documents.base import Document
from spondyl.documents.figures_levels import draw_levels
from spondyl.documents.label_files import names_path, parts_path
from spondyl.documents.models import LevelName, Table
from spondyl.documents.records import from_json, write_document
from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import NamedSegmentation, NamingProposal
from spondyl.spine.names import Reading, letter
from spondyl.spine.segmenters import ChainCandidate, DiscsFound, Segmentation
from spondyl.studies import Question, read_label_image, write_label_nifti, write_whole

SEGMENTATION_FILE, NAMES_FILE, LEVELS_PICTURE = "segmentation.json", "names.json", "levels.png"
COUNTED_FILE, COUNTED_PARTS_FILE = "segmentation.nii.gz", "segmentation_parts.nii.gz"


class CountedModel(Document):
    """One vertebra as it was told apart, before it has a name."""

    number: int  # from 1 at the head; its voxels in the label image
    confidence: float  # 0-1; orders vertebrae by how much they deserve a look, no probability
    doubts: tuple[str, ...]
    cut: bool  # only one of its discs is found, or the image cuts it: never measured


class SegmentationDocument(Document):
    """segmentation.json: the vertebrae of a bare CT, told apart and counted from the head."""

    schema_: Literal["spondyl.segmentation/1"] = "spondyl.segmentation/1"
    labels_file: str
    parts_file: str
    vertebrae: tuple[CountedModel, ...]
    canal: Table  # centre of the canal every millimetre from foot to head, patient mm (LPS)
    discs: Table  # centres from foot to head, patient mm (LPS)
    disc_doubts: tuple[tuple[str, ...], ...]
    candidates: tuple[ChainCandidate, ...]
    sacrum_below: bool
    notes: tuple[str, ...]  # such as whether the network looked again


class NamedModel(Document):
    """One vertebra with its name."""

    number: int  # from 1 at the head
    name: str  # the level, or a letter
    level: LevelName | None


class ReadingModel(Document):
    """One way to name the vertebrae, from head to foot."""

    levels: tuple[LevelName, ...]
    share: float  # of the belief in all readings; not a calibrated probability
    words: str


class NamesDocument(Document):
    """names.json: which levels the vertebrae of a bare CT are, what that rests on, and what is asked."""

    schema_: Literal["spondyl.names/1"] = "spondyl.names/1"
    vertebrae: tuple[NamedModel, ...]
    readings: tuple[ReadingModel, ...]
    evidence: tuple[str, ...]
    anchors: tuple[str, ...]
    questions: tuple[Question, ...]  # a blocking "level_names": the levels have letters only

    @classmethod
    def of(cls, found: NamedSegmentation) -> NamesDocument:
        """The document of a naming."""
        naming, levels = found.naming, found.naming.levels
        numbers = range(1, len(found.segmentation.cut) + 1)
        named = [None] * len(numbers) if levels is None else list(levels)
        return cls(
            vertebrae=tuple(
                NamedModel(number=number, name=letter(number) if level is None else level.name, level=level)
                for number, level in zip(numbers, named, strict=True)
            ),
            readings=tuple(ReadingModel(levels=r.levels, share=r.share, words=r.words) for r in naming.readings),
            evidence=naming.evidence,
            anchors=naming.anchors,
            questions=naming.questions,
        )

    def record(self) -> NamingProposal:
        """The naming itself."""
        named = tuple(v.level for v in self.vertebrae if v.level is not None)
        return NamingProposal(
            named if len(named) == len(self.vertebrae) else None,
            tuple(Reading(r.levels, r.share, r.words) for r in self.readings),
            self.evidence,
            self.questions,
            self.anchors,
        )


class SegmentDocument(Document):
    """What `spondyl segment` wrote: two label images, and the names with what is asked."""

    schema_: Literal["spondyl.segment/1"] = "spondyl.segment/1"
    labels: str
    parts: str
    names_file: str | None  # number and name; only where the levels have letters
    method: str
    vertebrae: tuple[CountedModel, ...]
    discs: Table  # centres from foot to head, patient mm (LPS)
    names: NamesDocument
    questions: tuple[Question, ...]  # of the names and of single vertebrae


def write_segmentation(folder: Path, found: Segmentation, note: str) -> tuple[str, ...]:
    """Write segmentation.json and its two label images into a case folder; gives the names of the files."""
    write_label_nifti(found.vertebrae, folder / COUNTED_FILE)
    write_label_nifti(found.parts, folder / COUNTED_PARTS_FILE)
    discs = found.found
    document = SegmentationDocument(
        labels_file=COUNTED_FILE,
        parts_file=COUNTED_PARTS_FILE,
        vertebrae=counted(found),
        canal=discs.canal,
        discs=discs.discs,
        disc_doubts=discs.doubts,
        candidates=discs.candidates,
        sacrum_below=discs.sacrum_below,
        notes=(note,),
    )
    write_document(folder / SEGMENTATION_FILE, document)
    return SEGMENTATION_FILE, COUNTED_FILE, COUNTED_PARTS_FILE


def read_segmentation(folder: Path, geometry: Geometry) -> Segmentation:
    """The segmentation of a case folder; one of another CT is an `InputError`."""
    document = from_json(SegmentationDocument, folder / SEGMENTATION_FILE)
    images = [read_label_image(folder / name).labels for name in (document.labels_file, document.parts_file)]
    if not all(image.geometry.is_same_grid(geometry) for image in images):
        raise InputError(
            f"the segmentation in '{folder}' belongs to another CT: run the job again with --force segment"
        )
    return Segmentation(
        images[0],
        images[1],
        DiscsFound(document.canal, document.discs, document.disc_doubts, document.candidates, document.sacrum_below),
        tuple(vertebra.confidence for vertebra in document.vertebrae),
        tuple(vertebra.doubts for vertebra in document.vertebrae),
        tuple(vertebra.cut for vertebra in document.vertebrae),
    )


def read_notes(folder: Path) -> tuple[str, ...]:
    """What the segmentation of a case folder says of itself."""
    return from_json(SegmentationDocument, folder / SEGMENTATION_FILE).notes


def write_names(folder: Path, found: NamedSegmentation, ct: Volume) -> tuple[str, ...]:
    """Write names.json and the picture of the levels into a case folder; gives the names of the files."""
    write_document(folder / NAMES_FILE, NamesDocument.of(found))
    write_whole(folder / LEVELS_PICTURE, draw_levels(ct, found).png)
    return NAMES_FILE, LEVELS_PICTURE


def read_names(folder: Path) -> NamingProposal:
    """The naming of a case folder."""
    return from_json(NamesDocument, folder / NAMES_FILE).record()


def write_segment(out: Path, found: NamedSegmentation) -> SegmentDocument:
    """Write the label image, its sub-regions and, where there are only letters, a table of them.

    The table has the columns number and name: with levels written in place of the letters it is a label map.
    """
    parts, table = parts_path(out), names_path(out)
    write_label_nifti(found.parts.labels, parts, names=found.parts.names)
    if found.naming.levels is None:
        rows = "".join(f"{number}\t{name}\n" for number, name in found.names.items())
        write_whole(table, f"number\tname\n{rows}".encode())
        write_label_nifti(found.labels.labels, out)
    else:
        table.unlink(missing_ok=True)  # of an earlier run that had only letters
        write_label_nifti(found.labels.labels, out, names=found.names)
    return SegmentDocument(
        labels=str(out),
        parts=str(parts),
        names_file=None if found.naming.levels is not None else str(table),
        method="own segmenter",
        vertebrae=counted(found.segmentation),
        discs=found.segmentation.found.discs,
        names=NamesDocument.of(found),
        questions=found.questions,
    )


def counted(found: Segmentation) -> tuple[CountedModel, ...]:
    """The vertebrae of a segmentation, from the head."""
    told = zip(found.confidence, found.doubts, found.cut, strict=True)
    return tuple(
        CountedModel(number=number, confidence=confidence, doubts=doubts, cut=cut)
        for number, (confidence, doubts, cut) in enumerate(told, 1)
    )
