"""The clinician's report: one offline HTML file, and a PDF of the same words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from spondyl import __version__
from spondyl.documents.figures import Picture, draw_close_up, draw_coronal, draw_height_profile, draw_sagittal
from spondyl.documents.models import RunDocument
from spondyl.documents.summary import blocking_first, chances_text, suitability_sentences, summarise
from spondyl.documents.tables import (
    Table,
    deformed_levels,
    grade_text,
    heights_table,
    interval_text,
    level_text,
    place_text,
    value_text,
    words,
)
from spondyl.errors import InputError
from spondyl.evidence import Source, find_source
from spondyl.findings import Finding, Findings, Status
from spondyl.spine import Level, Spine
from spondyl.studies import Patient, Study, Suitability, write_whole

STATUS_WORDS = {Status.MEASURED: "measured", Status.UNCERTAIN: "uncertain", Status.NOT_EVALUABLE: "not evaluable"}
LONG_REASON = 60  # characters; longer ones are listed once, below
_CHANCES = "genant_grade_probability_"


def write_report(
    path: Path | str,
    *,
    findings: Findings,
    spine: Spine | None = None,
    study: Study | None = None,
    patient: Patient | None = None,
    suitability: tuple[Suitability, ...] = (),
    run: RunDocument | None = None,
    levels: tuple[Level, ...] = (),
) -> None:
    """Write report.html: one file that needs nothing else, no network and no script.

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
    suitability
        What the input is good enough for (`studies.assess_suitability`).
    run
        The case folder's run.json, for versions and hashes.
    levels
        Levels to show close up whatever their grade; deformed ones are shown in any case.
    """
    content = _content(findings, spine, study, patient, suitability, run, levels)
    write_whole(Path(path), _render(content, for_print=False).encode())


def write_pdf(
    path: Path | str,
    *,
    findings: Findings,
    spine: Spine | None = None,
    study: Study | None = None,
    patient: Patient | None = None,
    suitability: tuple[Suitability, ...] = (),
    run: RunDocument | None = None,
    levels: tuple[Level, ...] = (),
) -> None:
    """Write report.pdf from the same words and pictures as `write_report`, tagged for screen readers (PDF/UA).

    Raises
    ------
    InputError
        Where WeasyPrint or Pango, which lays out its text, is missing.
    """
    weasyprint = _weasyprint()
    html = _render(_content(findings, spine, study, patient, suitability, run, levels), for_print=True)
    embedded_only = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    document = weasyprint.HTML(string=html, url_fetcher=embedded_only)
    write_whole(Path(path), document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=b"spondyl report"))


def pdf_version() -> str:
    """The version of the library that makes PDFs; an `InputError` where it or Pango is missing."""
    return str(_weasyprint().__version__)


@dataclass(frozen=True)
class FindingRow:
    """One finding as the report prints it."""

    what: str
    value: str
    interval: str
    status: str
    reason: str  # a short one; empty where there is none or where it stands in the list
    reason_number: int | None  # of a long one, in the list of reasons
    method: int  # number in the list of methods
    source: str


@dataclass(frozen=True)
class Lists:
    """Words that many findings share; their rows give the number."""

    methods: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CitedSource:
    """A source as the report prints it."""

    key: str
    cite: str
    identifiers: str
    doubt: str


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one level, or of the whole study."""

    title: str
    marked: bool
    rows: tuple[FindingRow, ...]


def _content(
    findings: Findings,
    spine: Spine | None,
    study: Study | None,
    patient: Patient | None,
    suitability: tuple[Suitability, ...],
    run: RunDocument | None,
    asked: tuple[Level, ...],
) -> dict[str, Any]:
    """Everything the template prints."""
    study = study or (None if spine is None else spine.study)
    patient = patient or (Patient() if study is None else study.patient)
    questions = blocking_first((*(study.questions if study else ()), *(spine.questions if spine else ())))
    levels, lists = _levels(findings, spine), _lists(findings)
    return {
        "version": __version__,
        "blocking": [question for question in questions if question.blocking],
        "questions": [question for question in questions if not question.blocking],
        "summary": (*summarise(findings, patient), *suitability_sentences(suitability)),
        "virtual": _is_virtual(study),
        "patient": _patient_rows(patient),
        "scan": _scan_rows(study, spine),
        "pictures": _pictures(spine, findings, asked),
        "levels": _level_table(findings, spine, levels),
        "groups": _groups(findings, levels, lists),
        "lists": lists,
        "sources": _sources(findings),
        "suitability": suitability,
        "notes": _notes(study, spine),
        "run": run,
        "hashes": _hashes(study, run),
    }


def _levels(findings: Findings, spine: Spine | None) -> tuple[Level, ...]:
    named = {finding.level for finding in findings if finding.level is not None}
    return tuple(sorted(named | set(spine.levels if spine else ()), key=lambda level: level.order))


def _pictures(spine: Spine | None, findings: Findings, asked: tuple[Level, ...]) -> list[Picture]:
    if spine is None or all(vertebra.frame is None for vertebra in spine):
        return []
    near = {spine[level].level for level in asked} | set(deformed_levels(findings))
    framed = [vertebra.level for vertebra in spine if vertebra.frame is not None]
    close_ups = [draw_close_up(spine, level, findings) for level in framed if level in near]
    return [
        draw_sagittal(spine, findings),
        draw_coronal(spine, findings),
        draw_height_profile(spine, findings),
        *close_ups,
    ]


def _level_table(findings: Findings, spine: Spine | None, levels: tuple[Level, ...]) -> Table:
    """Heights, grade and chances by level, and what is to be known of the vertebra."""
    heights = heights_table(findings, levels)
    remarks = {v.level: "; ".join((*_cut_text(v.cut), *v.remarks)) for v in spine or ()}
    rows = tuple(
        (*row[:4], grade_text(findings, level), chances_text(findings, level) or "–", remarks.get(level) or "–")
        for row, level in zip(heights.rows, levels, strict=True)
    )
    head = ("Level", "Front height", "Middle height", "Back height", "Deformity", "Chance of each grade", "Remarks")
    return Table("Levels from head to foot; heights with 95 % intervals", head, rows)


def _cut_text(cut: tuple[str, ...]) -> tuple[str, ...]:
    return (f"cut by the image border ({', '.join(cut)}): not measured as a whole",) if cut else ()


def _groups(findings: Findings, levels: tuple[Level, ...], lists: Lists) -> list[FindingGroup]:
    marked, groups = deformed_levels(findings), []
    for level in (None, *levels):
        rows = tuple(_row(finding, lists) for finding in _listed(findings) if finding.level is level)
        if rows:
            groups.append(FindingGroup("Whole study" if level is None else level_text(level), level in marked, rows))
    return groups


def _row(finding: Finding, lists: Lists) -> FindingRow:
    beyond = place_text(finding) if finding.level_to is not None or finding.side is not None else ""
    is_long = finding.reason in lists.reasons
    return FindingRow(
        words(finding.name) + (f" ({beyond})" if beyond else ""),
        value_text(finding),
        interval_text(finding),
        STATUS_WORDS[finding.status],
        "" if is_long else finding.reason or "",
        lists.reasons.index(finding.reason) + 1 if finding.reason and is_long else None,
        lists.methods.index(finding.method) + 1,
        finding.source,
    )


def _listed(findings: Findings) -> Findings:
    """The findings that have a row of their own; the chances of grades stand in the table of levels."""
    return tuple(finding for finding in findings if not finding.name.startswith(_CHANCES))


def _lists(findings: Findings) -> Lists:
    """What many findings share, each once, in the order of the findings."""
    methods = dict.fromkeys(finding.method for finding in _listed(findings))
    reasons = dict.fromkeys(f.reason for f in _listed(findings) if f.reason and len(f.reason) > LONG_REASON)
    return Lists(tuple(methods), tuple(reasons))


def _sources(findings: Findings) -> list[CitedSource]:
    """Each source that a finding names."""
    return [_cited(find_source(key)) for key in sorted({finding.source for finding in findings})]


def _cited(source: Source) -> CitedSource:
    doi, pmid = source.doi, source.pmid
    identifiers = (f"doi:{doi}" if doi else "", f"PMID {pmid}" if pmid else "", "" if doi or pmid else source.url or "")
    doubt = "" if source.identifiers_seen else "cited from general knowledge: not checked against the publication"
    return CitedSource(source.key, source.cite, "; ".join(filter(None, identifiers)), doubt)


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
    return [(name, "not recorded" if value is None else str(value)) for name, value in facts.items()]


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
    """Hashes of what was read, many slices as one line."""
    inputs = dict(study.source_hashes) if study else {}
    for stage in run.stages if run else ():
        inputs |= stage.inputs
    if len(inputs) <= 12:
        return sorted(inputs.items())
    return [*sorted(inputs.items())[:3], (f"... and {len(inputs) - 3} more", "all in run.json")]


def _render(content: dict[str, Any], *, for_print: bool) -> str:
    environment = Environment(
        loader=PackageLoader("spondyl.documents"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda png: base64.b64encode(png).decode("ascii")
    return environment.get_template("report.html.j2").render(content, for_print=for_print)


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise InputError(
            f"the PDF needs WeasyPrint and the Pango library ({type(error).__name__}): install 'spondyl[pdf]' and, on "
            "Debian, libpango-1.0-0 and libpangoft2-1.0-0; report.html holds the same words"
        ) from None
    return weasyprint
