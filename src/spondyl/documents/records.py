"""Records as JSON in a case folder, and back: the one place that does it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from spondyl.decisions import BoneHealthPlan, ProcedureSheet, Recommendation
from spondyl.documents.advice_models import BoneHealthDocument, DecisionsDocument, ForecastDocument, ProcedureDocument
from spondyl.documents.base import Document, to_json
from spondyl.documents.files import hashes_of
from spondyl.documents.models import (
    BlockModel,
    FindingsDocument,
    FrameModel,
    GeometryModel,
    HeightMapModel,
    PedicleModel,
    SourceModel,
    SpineDocument,
    StudyDocument,
    SurroundingModel,
    VertebraModel,
)
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.outcomes import Prediction
from spondyl.space import Geometry, HeightMap, Volume
from spondyl.spine import Spine, Surrounding, Vertebra
from spondyl.studies import Patient, Study, Suitability, read_label_image, write_label_nifti, write_whole

STUDY_FILE, SPINE_FILE, FINDINGS_FILE, RUN_FILE = "study.json", "spine.json", "findings.json", "run.json"
DECISIONS_FILE, BONE_FILE, PROCEDURE_FILE = "decisions.json", "bone_health.json", "procedure.json"
FORECAST_FILE = "forecast.json"
LABELS_FILE, PARTS_FILE = "labels.nii.gz", "parts.nii.gz"
ARCH_NUMBER, BODY_NUMBER, CANAL_NUMBER = 41, 49, 61  # as in SPINEPS
PART_NAMES = {ARCH_NUMBER: "arch", BODY_NUMBER: "body", CANAL_NUMBER: "canal"}
SURROUNDING_NUMBERS = {kind: 151 + place for place, kind in enumerate(Surrounding)}  # free in SPINEPS

D = TypeVar("D", bound=Document)


def from_json(model: type[D], path: Path) -> D:
    """The document in a file; one that is not there, is damaged or of another kind is an `InputError`."""
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise InputError(f"{path} is not there: run the stage that writes it, or `spondyl plan`, first") from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "its first line"
        schema = model.model_fields["schema_"].default
        advice = "remove it, and run its stage again"
        raise InputError(f"{path} is not a valid {schema} document (at {where}): {advice}") from None


def write_document(path: Path, document: Document) -> None:
    """Write a document as JSON, as a whole or not at all."""
    write_whole(path, to_json(document).encode())


def findings_to_json(findings: Findings) -> str:
    """The findings as the JSON of findings.json."""
    return to_json(FindingsDocument.of(findings))


def write_findings(path: Path, findings: Findings) -> None:
    """Write findings.json."""
    write_document(path, FindingsDocument.of(findings))


def read_findings(path: Path) -> Findings:
    """The findings in a findings.json."""
    return from_json(FindingsDocument, path).record()


def write_decisions(path: Path, advice: Recommendation) -> None:
    """Write decisions.json."""
    write_document(path, DecisionsDocument.of(advice))


def read_decisions(path: Path) -> Recommendation:
    """The recommendation in a decisions.json."""
    return from_json(DecisionsDocument, path).record()


def write_bone_health(path: Path, plan: BoneHealthPlan) -> None:
    """Write bone_health.json."""
    write_document(path, BoneHealthDocument.of(plan))


def read_bone_health(path: Path) -> BoneHealthPlan:
    """The plan for the bones in a bone_health.json."""
    return from_json(BoneHealthDocument, path).record()


def write_procedure(path: Path, sheet: ProcedureSheet) -> None:
    """Write procedure.json."""
    write_document(path, ProcedureDocument.of(sheet))


def write_forecast(path: Path, outlook: Prediction) -> None:
    """Write forecast.json."""
    write_document(path, ForecastDocument.of(outlook))


def read_forecast(path: Path) -> Prediction:
    """The forecast in a forecast.json."""
    return from_json(ForecastDocument, path).record()


def source_of(path: Path, folder: Path) -> SourceModel:
    """Where a file or folder lies, seen from the case folder, and the hashes of its files."""
    return SourceModel(path=os.path.relpath(path.resolve(), folder.resolve()), hashes=hashes_of(path))


def source_path(source: SourceModel, folder: Path) -> Path:
    """Where the source of a case lies now; one that was moved, or whose files changed, is an `InputError`."""
    path = (folder / source.path).resolve()
    if hashes_of(path) != source.hashes:
        raise InputError(f"the files of {path} changed after {folder / STUDY_FILE} was written: run the job again")
    return path


def study_document(
    study: Study | None, patient: Patient, suitability: tuple[Suitability, ...], source: SourceModel | None
) -> StudyDocument:
    """The document of a study; without a CT it holds the patient's facts and the suitability of the labels."""
    return StudyDocument(
        source=source,
        geometry=None if study is None else GeometryModel.model_validate(study.ct.geometry),
        scan=None if study is None else study.scan,
        patient=patient,
        questions=() if study is None else study.questions,
        notes=() if study is None else study.notes,
        other_series=() if study is None else study.other_series,
        suitability=suitability,
    )


def write_spine(folder: Path, spine: Spine) -> tuple[str, ...]:
    """Write spine.json with its label image and its parts image; gives the names of the files.

    labels.nii.gz holds the level numbers (VerSe), parts.nii.gz holds 49 body, 41 arch, 61 canal, and from 151 on
    what else was labelled beside the spine. In a voxel that is more than one, bone wins, then the canal.
    """
    labels, parts = _paint(spine)
    names = {int(level): f"vertebrae_{level.name}" for level in spine.levels}
    write_label_nifti(Volume(labels, spine.geometry, "1"), folder / LABELS_FILE, names=names)
    if not parts.any():
        (folder / PARTS_FILE).unlink(missing_ok=True)
        write_document(folder / SPINE_FILE, spine_document(spine, parts_file=None))
        return SPINE_FILE, LABELS_FILE
    around = {SURROUNDING_NUMBERS[kind]: kind.value for kind, _ in spine.surroundings}
    write_label_nifti(Volume(parts, spine.geometry, "1"), folder / PARTS_FILE, names=PART_NAMES | around)
    write_document(folder / SPINE_FILE, spine_document(spine))
    return SPINE_FILE, LABELS_FILE, PARTS_FILE


def spine_document(spine: Spine, parts_file: str | None = PARTS_FILE) -> SpineDocument:
    """The document of a spine, which names its images."""
    return SpineDocument(
        label_map=spine.label_map,
        method=spine.method,
        geometry=GeometryModel.model_validate(spine.geometry),
        labels_file=LABELS_FILE,
        parts_file=parts_file,
        canal=None if spine.canal is None else _block(spine.canal, spine.geometry),
        questions=spine.questions,
        notes=spine.notes,
        vertebrae=tuple(_vertebra_model(vertebra, spine.geometry) for vertebra in spine),
        surroundings=tuple(
            SurroundingModel(kind=kind, block=_block(mask, spine.geometry)) for kind, mask in spine.surroundings
        ),
    )


def read_spine(folder: Path, study: Study | None = None) -> Spine:
    """The spine of a case folder; with its study where the caller has read it."""
    document = from_json(SpineDocument, folder / SPINE_FILE)
    geometry = document.geometry.record()
    labels = _read_image(folder / document.labels_file, geometry)
    parts = _read_image(folder / document.parts_file, geometry) if document.parts_file else np.zeros_like(labels)
    return Spine(
        study=study,
        geometry=geometry,
        vertebrae=tuple(_vertebra(model, geometry, labels, parts) for model in document.vertebrae),
        canal=None if document.canal is None else _cut_out(parts == CANAL_NUMBER, document.canal, geometry),
        questions=document.questions,
        notes=document.notes,
        label_map=document.label_map,
        method=document.method,
        surroundings=tuple(
            (model.kind, _cut_out(parts == SURROUNDING_NUMBERS[model.kind], model.block, geometry))
            for model in document.surroundings
        ),
    )


def _paint(spine: Spine) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    labels, parts = np.zeros(spine.geometry.shape, np.uint8), np.zeros(spine.geometry.shape, np.uint8)
    for kind, mask in spine.surroundings:
        parts[_slices(_block(mask, spine.geometry))][mask.array] = SURROUNDING_NUMBERS[kind]
    if spine.canal is not None:
        parts[_slices(_block(spine.canal, spine.geometry))][spine.canal.array] = CANAL_NUMBER
    for vertebra in spine:
        place = _slices(_block(vertebra.mask, spine.geometry))
        labels[place][vertebra.mask.array] = vertebra.level
        parts[place][vertebra.mask.array] = 0
        if vertebra.body is not None and vertebra.arch is not None:
            parts[place][vertebra.body.array] = BODY_NUMBER
            parts[place][vertebra.arch.array] = ARCH_NUMBER
    return labels, parts


def _block(volume: Volume, geometry: Geometry) -> BlockModel:
    """Where the grid of a volume lies within a larger grid."""
    first = np.rint(geometry.indices(volume.geometry.affine[:3, 3])).astype(int)
    if not geometry.cropped(first, first + volume.array.shape).is_same_grid(volume.geometry):
        raise InputError("a mask of this spine is not a block of its label image, so it cannot be stored")
    return BlockModel(start=tuple(first.tolist()), shape=volume.geometry.shape)


def _slices(block: BlockModel) -> tuple[slice, ...]:
    return tuple(slice(start, start + size) for start, size in zip(block.start, block.shape, strict=True))


def _cut_out(mask: NDArray[np.bool_], block: BlockModel, geometry: Geometry) -> Volume:
    stop = np.add(block.start, block.shape)
    return Volume(mask[_slices(block)], geometry.cropped(block.start, stop), "1")


def _vertebra_model(vertebra: Vertebra, geometry: Geometry) -> VertebraModel:
    return VertebraModel(
        level=vertebra.level,
        block=_block(vertebra.mask, geometry),
        has_body=vertebra.body is not None,
        frame=None if vertebra.frame is None else FrameModel.model_validate(vertebra.frame),
        superior=_surface_model(vertebra.superior),
        inferior=_surface_model(vertebra.inferior),
        anterior=_surface_model(vertebra.anterior),
        posterior=_surface_model(vertebra.posterior),
        pedicles=tuple(PedicleModel.model_validate(pedicle) for pedicle in vertebra.pedicles),
        cut=vertebra.cut,
        remarks=vertebra.remarks,
    )


def _surface_model(surface: HeightMap | None) -> HeightMapModel | None:
    return None if surface is None else HeightMapModel.model_validate(surface)


def _vertebra(model: VertebraModel, geometry: Geometry, labels: NDArray[Any], parts: NDArray[Any]) -> Vertebra:
    mask = labels == model.level
    return Vertebra(
        level=model.level,
        mask=_cut_out(mask, model.block, geometry),
        body=_cut_out(mask & (parts == BODY_NUMBER), model.block, geometry) if model.has_body else None,
        frame=None if model.frame is None else model.frame.record(),
        superior=_surface(model.superior),
        inferior=_surface(model.inferior),
        anterior=_surface(model.anterior),
        posterior=_surface(model.posterior),
        pedicles=tuple(pedicle.record() for pedicle in model.pedicles),
        cut=model.cut,
        remarks=model.remarks,
    )


def _surface(model: HeightMapModel | None) -> HeightMap | None:
    return None if model is None else model.record()


def _read_image(path: Path, geometry: Geometry) -> NDArray[Any]:
    labels = read_label_image(path).labels
    if not labels.geometry.is_same_grid(geometry):
        raise InputError(f"{path} does not belong to the {SPINE_FILE} beside it: run the spine stage again")
    return labels.array
