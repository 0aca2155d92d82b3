"""`spondyl info`: what a study holds and what it is good enough for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.app.cli.options import AsJson, PatientOption, StudyArgument

if TYPE_CHECKING:
    from spondyl.documents.models import StudyDocument


def info(study: StudyArgument, patient: PatientOption = None, as_json: AsJson = False) -> None:
    """Say what a study holds, what it is good enough for, and what does not fit."""
    from pathlib import Path

    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.documents.patients import read_patient
    from spondyl.documents.records import source_of, study_document
    from spondyl.studies import Patient, assess_suitability, read_study

    facts = Patient() if patient is None else read_patient(patient)
    found = read_study(study, facts)
    document = study_document(found, facts, assess_suitability(found), source_of(study, Path.cwd()))
    if as_json:
        print_document(document)
    else:
        print_lines(*_lines(document))


def _lines(document: StudyDocument) -> list[str]:
    assert document.geometry is not None and document.scan is not None  # a study was read
    grid, scan = document.geometry.record(), document.scan
    spacing = " x ".join(f"{edge:.3g}" for edge in grid.spacing_mm)
    questions = [f"QUESTION  {q.text} {q.action}" for q in document.questions]
    return [
        *questions,
        f"grid      {' x '.join(map(str, grid.shape))} voxels of {spacing} mm",
        f"scan      {scan.modality or 'modality not recorded'}, kernel {scan.convolution_kernel or 'not recorded'}, "
        f"{'tube voltage not recorded' if scan.kvp is None else f'{scan.kvp:g} kV'}, "
        f"contrast {({None: 'not recorded', True: 'given', False: 'none'})[scan.contrast]}",
        *(f"{s.purpose:<16} {s.usability.value:<10} {'; '.join(s.reasons)}" for s in document.suitability),
        *(f"note      {note}" for note in document.notes),
        *(f"left out  {o.description or 'series'}: {o.files} files, {o.reason}" for o in document.other_series),
    ]
