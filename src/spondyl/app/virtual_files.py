"""The files of virtual patients and virtual deformities: CT, labels, the patient's record and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spondyl.documents.files import hashes_of
from spondyl.documents.models import SynthDocument, TruthDocument
from spondyl.documents.records import write_document
from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level, load_label_map
from spondyl.studies import (
    Scan,
    known_contrast,
    read_label_image,
    read_study,
    whole_folder,
    write_dicom,
    write_label_nifti,
    write_nifti,
)
from spondyl.synthetic import (
    DeformedStudy,
    ScanSpec,
    VirtualSpineSpec,
    as_json,
    deform_study,
    make_virtual_patient,
)

CT_NAMES = {"nifti": "ct.nii.gz", "dicom": "ct"}
LABELS, SUBREGIONS, PATIENT, TRUTH = "labels.nii.gz", "subregions.nii.gz", "patient.toml", "truth.json"


@dataclass(frozen=True)
class Source:
    """The files that a virtual deformity is made from."""

    study: Path
    labels: Path
    label_map: str | None
    subregions: Path | None


@dataclass(frozen=True, eq=False)
class _Made:
    """What is to be written."""

    ct: Volume
    scan: Scan
    labels: Volume
    subregions: Volume | None
    contrast: bool | None  # for the patient's record; None: not known
    truth: TruthDocument


def write_virtual_patient(
    out: Path, spec: VirtualSpineSpec, seed: int, *, file_format: str, tube_voltage_kv: float | None
) -> SynthDocument:
    """Make a virtual patient and write it into a new folder."""
    if spec.scan.gantry_tilt_deg and file_format != "dicom":
        raise InputError("a tilted gantry gives a sheared stack, which NIfTI readers refuse: add --format dicom")
    with whole_folder(out) as folder:
        made = make_virtual_patient(spec, np.random.default_rng(seed))
        truth = TruthDocument(seed=seed, specification=as_json(spec), truth=made.truth.as_json())
        scan = _virtual_scan(spec.scan, tube_voltage_kv)
        files = _write(folder, _Made(made.ct, scan, made.labels, made.subregions, scan.contrast, truth), file_format)
    return _document(out, made.description, seed, files)


def write_deformed(
    out: Path, source: Source, breaks: Mapping[Level, tuple[str, float]], *, file_format: str
) -> SynthDocument:
    """Deform levels of a CT that is there and write it into a new folder. Whatever comes out is virtual."""
    study, labels = read_study(source.study), read_label_image(source.labels)
    label_map = None if source.label_map is None else load_label_map(source.label_map)
    parts = None if source.subregions is None else read_label_image(source.subregions)
    with whole_folder(out) as folder:
        done = deform_study(study, labels, label_map, breaks, subregions=parts)
        last = done[-1]
        truth = TruthDocument(seed=None, specification=_origin(source, breaks), truth=_truth_of(done, breaks))
        shown = None if parts is None else last.subregions
        made = _Made(last.ct, study.scan, last.labels, shown, known_contrast(study), truth)
        files = _write(folder, made, file_format)
    return _document(out, "; ".join(d.description for d in done), None, files)


def _virtual_scan(spec: ScanSpec, tube_voltage_kv: float | None) -> Scan:
    """What the header of a virtual scan says."""
    return Scan(
        modality="CT",
        kvp=tube_voltage_kv,
        convolution_kernel=spec.kernel.value.upper(),
        slice_thickness_mm=spec.slice_step_mm if spec.slice_thickness_mm is None else spec.slice_thickness_mm,
        contrast=spec.contrast_hu > 0,
        patient_position="HFS",
    )


def _origin(source: Source, breaks: Mapping[Level, tuple[str, float]]) -> dict[str, Any]:
    """Files by name and hash, so that nobody takes two deformities of one patient for two patients."""
    files = {"study": source.study, "labels": source.labels, "subregions": source.subregions}
    hashes = {role: hashes_of(path) for role, path in files.items() if path is not None}
    wanted = [{"level": level.name, "shape": shape, "share_left": left} for level, (shape, left) in breaks.items()]
    return {"made_from": hashes, "label_map": source.label_map, "breaks": wanted}


def _truth_of(done: tuple[DeformedStudy, ...], breaks: Mapping[Level, tuple[str, float]]) -> dict[str, Any]:
    levels = [
        {
            "level": d.level.name,
            "deformity": breaks[d.level][0],
            "intact_heights_mm": list(d.intact_heights_mm),
            "heights_mm": list(d.heights_mm),
            "shares_left": [after / before for after, before in zip(d.heights_mm, d.intact_heights_mm, strict=True)],
            "frame": as_json(d.frame),
        }
        for d in done
    ]
    meaning = "heights of the body in the labels; their shares left hold for the bone in the CT as well"
    return {"description": "; ".join(d.description for d in done), "heights": meaning, "levels": levels}


def _write(folder: Path, made: _Made, file_format: str) -> list[str]:
    """Write all files; gives their names. Labels go onto the grid that the CT has when it is read again."""
    if file_format == "nifti":
        write_nifti(made.ct, folder / CT_NAMES["nifti"])
    else:
        write_dicom(made.ct, folder / CT_NAMES["dicom"], scan=made.scan, virtual=True)
    grid = _grid_as_read(folder / CT_NAMES[file_format], made.ct.geometry)
    names = {int(n): f"vertebrae_{Level(int(n)).name}" for n in np.unique(made.labels.array) if n}
    write_label_nifti(_onto(grid, made.labels), folder / LABELS, names=names)
    if made.subregions is not None:
        write_label_nifti(_onto(grid, made.subregions), folder / SUBREGIONS)
    if made.contrast is not None:
        (folder / PATIENT).write_text(f"contrast_given = {str(made.contrast).lower()}\n", "utf-8")
    write_document(folder / TRUTH, made.truth)
    return [path.name for path in folder.iterdir()]


def _grid_as_read(ct: Path, made: Geometry) -> Geometry:
    """A reader puts the sheared stack of a tilted gantry onto a square grid."""
    sheared = np.abs(made.axes.T @ made.axes - np.eye(3)).max() > 1e-6
    return read_study(ct).ct.geometry if sheared else made


def _onto(grid: Geometry, labels: Volume) -> Volume:
    return labels if labels.geometry.is_same_grid(grid) else labels.resampled(grid, order=0)


def _document(out: Path, description: str, seed: int | None, files: list[str]) -> SynthDocument:
    place = {name: str(out / name) for name in files}
    return SynthDocument(
        description=description,
        seed=seed,
        ct=next(place[name] for name in CT_NAMES.values() if name in place),
        labels=place[LABELS],
        subregions=place.get(SUBREGIONS),
        patient=place.get(PATIENT),
        truth=place[TRUTH],
    )
