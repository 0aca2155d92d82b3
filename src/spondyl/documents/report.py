"""The clinician's report: one offline HTML file, and a PDF of the same words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spondyl import __version__
from spondyl.decisions import BoneHealthPlan, ProcedureSheet, Recommendation
from spondyl.documents import access, course_section, forecast, strength_section
from spondyl.documents.advice import advice_section, cited_keys, short_words, urgent_words
from spondyl.documents.aftercare import aftercare_section
from spondyl.documents.care import bone_section, sheet_section
from spondyl.documents.course_files import KeptSimulations, kept_of
from spondyl.documents.figures import (
    Picture,
    draw_close_up,
    draw_coronal,
    draw_height_profile,
    draw_sagittal,
    measured_levels,
)
from spondyl.documents.figures_levels import draw_levels
from spondyl.documents.finding_lists import cited_sources, finding_lists, what_text
from spondyl.documents.forecast import forecast_section, forecast_sources
from spondyl.documents.level_tables import (
    further_tables,
    level_remarks,
    levels_table,
    other_table,
)
from spondyl.documents.models import RunDocument
from spondyl.documents.pages import render, write_pdf_page
from spondyl.documents.settings import NOTHING_SET, Settings
from spondyl.documents.strength_files import KeptStrength
from spondyl.documents.summary import blocking_first, suitability_sentences, summarise
from spondyl.documents.tables import deformed_levels
from spondyl.documents.viewer import viewer_section
from spondyl.findings import Findings
from spondyl.followup import RecoveryPlan
from spondyl.outcomes import Prediction
from spondyl.planning import Plan
from spondyl.simulation import Simulation
from spondyl.spine import Level, NamedSegmentation, Spine
from spondyl.studies import Patient, Study, Suitability, write_whole
from spondyl.studies.workers import Workers

_TEMPLATE = "report.html.j2"


def write_report(
    path: Path | str,
    *,
    findings: Findings,
    spine: Spine | None = None,
    study: Study | None = None,
    patient: Patient | None = None,
    advice: Recommendation | None = None,
    outlook: Prediction | None = None,
    procedure: ProcedureSheet | None = None,
    bones: BoneHealthPlan | None = None,
    plans: tuple[Plan, ...] = (),
    strength: KeptStrength | None = None,
    simulations: KeptSimulations | Sequence[Simulation] = (),
    recovery: RecoveryPlan | None = None,
    suitability: tuple[Suitability, ...] = (),
    run: RunDocument | None = None,
    levels: tuple[Level, ...] = (),
    here: Settings = NOTHING_SET,
    found: NamedSegmentation | None = None,
    pdf: Path | str | None = None,
    workers: Workers | None = None,
) -> None:
    """Write report.html: one file that needs nothing else and no network; its only script is the viewer's.

    Parameters
    ----------
    findings
        What is reported; the words and tables hold nothing that is not in them.
    spine
        For the pictures and the questions about labels; without it there are no pictures.
    study
        For the scan, the patient's facts and their conflicts; the one in `spine` where it is left out.
    patient
        The facts of the record where there is no CT.
    advice
        Where the sources stand on augmentation (`decisions.assess_candidacy`).
    outlook
        What to expect over a year (`outcomes.predict_outcomes`).
    procedure, bones
        Before, on and after the day (`decisions.plan_procedure`); the bones (`decisions.plan_bone_health`).
    plans
        Ways in (`planning.plan_augmentation`); each gets a sheet.
    strength
        What the levels of the job bear in the model (`documents.strength_files`).
    simulations
        Courses of the levels (`simulation.simulate`), or those of a case folder (`documents.course_files`).
    recovery
        The weeks after (`followup.plan_recovery`).
    suitability
        What the input is good enough for (`studies.assess_suitability`).
    run
        The case folder's run.json, for versions and hashes.
    levels
        Levels to show close up whatever their grade; deformed ones are shown in any case.
    here
        Who sits at the table where the report is read.
    found
        What the own segmenter found, for a picture of the bodies with their names; it needs the CT.
    pdf
        Where the same words and pictures are written as a PDF too.
    workers
        Processes, of which those that are up draw the courses; None: this one.

    Raises
    ------
    InputError
        Where a PDF is wanted and WeasyPrint or Pango is missing; report.html is then written all the same.
    """
    content = _content(
        _Parts(
            findings=findings,
            spine=spine,
            study=study or (None if spine is None else spine.study),
            patient=patient,
            advice=advice,
            outlook=outlook,
            procedure=procedure,
            bones=bones,
            plans=plans,
            strength=strength,
            simulations=simulations if isinstance(simulations, KeptSimulations) else kept_of(simulations),
            recovery=recovery,
            suitability=suitability,
            run=run,
            levels=levels,
            here=here,
            found=found,
        ),
        workers,
    )
    write_whole(Path(path), render(_TEMPLATE, content, for_print=False).encode())
    if pdf is not None:
        write_pdf_page(Path(pdf), render(_TEMPLATE, content, for_print=True), identifier="spondyl report")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Parts:
    """What `write_report` was given."""

    findings: Findings
    spine: Spine | None
    study: Study | None
    patient: Patient | None
    advice: Recommendation | None
    outlook: Prediction | None
    procedure: ProcedureSheet | None
    bones: BoneHealthPlan | None
    plans: tuple[Plan, ...]
    strength: KeptStrength | None
    simulations: KeptSimulations
    recovery: RecoveryPlan | None
    suitability: tuple[Suitability, ...]
    run: RunDocument | None
    levels: tuple[Level, ...]
    here: Settings
    found: NamedSegmentation | None


def _content(parts: _Parts, workers: Workers | None) -> dict[str, Any]:
    """Everything the template prints."""
    drawing = course_section.begin_drawing(parts.simulations, parts.spine, workers)  # most pictures: they come first
    return {"version": __version__, **_measured(parts), **_advised(parts, drawing)}


def _measured(parts: _Parts) -> dict[str, Any]:
    """What was read and measured."""
    findings, spine, study = parts.findings, parts.spine, parts.study
    patient = parts.patient or (Patient() if study is None else study.patient)
    questions = blocking_first((*(study.questions if study else ()), *(spine.questions if spine else ())))
    levels = _levels(findings, spine)
    return {
        "blocking": [question for question in questions if question.blocking],
        "questions": [question for question in questions if not question.blocking],
        "summary": (*summarise(findings, patient), *suitability_sentences(parts.suitability)),
        "virtual": _is_virtual(study),
        "patient": _patient_rows(patient),
        "scan": _scan_rows(study, spine),
        "found_pictures": _found_pictures(study, parts.found),
        "pictures": _pictures(spine, findings, parts.levels),
        "levels": levels_table(findings, levels),
        "remarks": level_remarks(spine),
        "further": further_tables(findings, levels),
        "other": other_table(findings, what_text),
        "lists": finding_lists(findings, levels),
        "suitability": parts.suitability,
        "notes": _notes(study, spine),
        "run": parts.run,
        "hashes": _hashes(study, parts.run),
    }


def _advised(parts: _Parts, drawing: Sequence[Callable[[], course_section.Drawn]]) -> dict[str, Any]:
    """What follows from it, and the sources of all."""
    advice, outlook = parts.advice, parts.outlook
    sheet = None if parts.procedure is None else sheet_section(parts.procedure)
    bone_care = None if parts.bones is None else bone_section(parts.bones)
    aftercare = None if parts.recovery is None else aftercare_section(parts.recovery)
    ways_in = access.access_section(parts.plans, parts.spine, _why_planned(parts.run))
    borne = None if parts.strength is None else strength_section.strength_section(parts.strength, parts.spine)
    viewer = viewer_section(parts.plans, parts.spine, parts.findings)
    forecasted = None if outlook is None else forecast_section(outlook)
    courses = course_section.course_section(parts.simulations, parts.spine, drawing)
    cited = (sheet, bone_care, aftercare, borne, courses)
    others = {source for part in cited if part is not None for source in part.sources}
    others |= {*(() if advice is None else cited_keys(advice)), *(() if outlook is None else forecast_sources(outlook))}
    others |= set(() if ways_in is None else access.cited_keys(ways_in))
    return {
        "advice": None if advice is None else advice_section(advice),
        "urgent": () if advice is None else urgent_words(advice),
        "answers": _answers(parts),
        "outlook": forecasted,
        "access": ways_in,
        "strength": borne,
        "courses": courses,
        "viewer": viewer,
        "here": parts.here,
        "sheet": sheet,
        "bones": bone_care,
        "aftercare": aftercare,
        "sources": cited_sources(parts.findings, others),
    }


def _answers(parts: _Parts) -> tuple[str, ...]:
    """What follows, in a few sentences. Where something comes first, no way in and no effect stand beside it."""
    advice, outlook = parts.advice, parts.outlook
    told = () if advice is None else short_words(advice)
    if advice is not None and urgent_words(advice):
        return told
    bears = () if parts.strength is None else strength_section.short_words(parts.strength)
    return (
        *told,
        *access.short_words(parts.plans),
        *bears,
        *(() if outlook is None else forecast.short_words(outlook)),
    )


def _why_planned(run: RunDocument | None) -> list[str]:
    """Why these levels were planned and others not, as the stage wrote it down."""
    stages = [stage for stage in (run.stages if run else ()) if stage.stage == "access"]
    return [text for stage in stages for text in (*stage.parameters["why"], *stage.warnings)]


def _levels(findings: Findings, spine: Spine | None) -> tuple[Level, ...]:
    named = {finding.level for finding in findings if finding.level is not None}
    return tuple(sorted(named | set(spine.levels if spine else ()), key=lambda level: level.order))


def _found_pictures(study: Study | None, found: NamedSegmentation | None) -> list[Picture]:
    return [] if study is None or found is None else [draw_levels(study.ct, found)]


def _pictures(spine: Spine | None, findings: Findings, asked: tuple[Level, ...]) -> list[Picture]:
    if spine is None or all(vertebra.frame is None for vertebra in spine):
        return []
    near = {spine[level].level for level in asked} | set(deformed_levels(findings))
    framed = [vertebra.level for vertebra in spine if vertebra.frame is not None]
    close_ups = [draw_close_up(spine, level, findings) for level in framed if level in near]
    chart = [draw_height_profile(spine, findings)] if len(measured_levels(spine, findings)) > 2 else []
    return [draw_sagittal(spine, findings), draw_coronal(spine, findings), *close_ups, *chart]


def _patient_rows(patient: Patient) -> list[tuple[str, str]]:
    facts: Mapping[str, Any] = {
        "Age": None if patient.age_years is None else f"{patient.age_years:g} years",
        "Sex": patient.sex,
        "Worst pain (0-10)": None if patient.pain_nrs is None else f"{patient.pain_nrs:g}",
        "Day of the CT": patient.ct_date,
        "Onset of pain": patient.onset_date,
        "Contrast given": None if patient.contrast_given is None else ("yes" if patient.contrast_given else "no"),
        "Levels the record calls fractured": None
        if patient.fracture_levels is None
        else ", ".join(patient.fracture_levels) or "none",
    }
    missing = [name for name, value in facts.items() if value is None]
    known = [(name, str(value)) for name, value in facts.items() if value is not None]
    return [*known, ("Not recorded", "; ".join(missing))] if missing else known


def _scan_rows(study: Study | None, spine: Spine | None) -> list[tuple[str, str]]:
    if study is None:
        grid = [] if spine is None else [("Label image", _grid_text(spine.geometry))]
        return [("CT", "none given: what needs grey values is not evaluable"), *grid]
    scan = study.scan
    contrast = {None: "not recorded", True: "given", False: "none"}[scan.contrast]
    return [
        ("CT", _grid_text(study.ct.geometry)),
        ("Scanner", " ".join(filter(None, (scan.manufacturer, scan.model))) or "not recorded"),
        ("Tube voltage", "not recorded" if scan.kvp is None else f"{scan.kvp:g} kV"),
        ("Kernel", scan.convolution_kernel or "not recorded"),
        ("Contrast", contrast),
    ]


def _grid_text(geometry: Any) -> str:
    spacing = " x ".join(f"{edge:.3g}" for edge in geometry.spacing_mm)
    return f"{' x '.join(str(n) for n in geometry.shape)} voxels of {spacing} mm"


def _notes(study: Study | None, spine: Spine | None) -> list[str]:
    notes = [*(study.notes if study else ()), *(spine.notes if spine else ())]
    if spine is not None and spine.label_map is not None:
        notes.append(f"The label numbers were read as those of '{spine.label_map}'.")
    return list(dict.fromkeys(notes))


def _is_virtual(study: Study | None) -> bool:
    words_of_header = "" if study is None else study.scan.series_description or ""
    return "virtual" in words_of_header.lower()


def _hashes(study: Study | None, run: RunDocument | None) -> list[tuple[str, str]]:
    """Hashes of the files that were given, each once, many slices as one line; run.json holds all."""
    inputs = dict(study.source_hashes) if study else {}
    for stage in run.stages if run else ():
        inputs |= {name: digest for name, digest in stage.inputs.items() if ": " in name}  # "labels: seg.nii.gz"
    names: dict[str, str] = {digest: name for name, digest in inputs.items()}
    rows = sorted((name, digest) for digest, name in names.items())
    if len(rows) <= 12:
        return rows
    return [*rows[:3], (f"... and {len(rows) - 3} more", "all in run.json")]
