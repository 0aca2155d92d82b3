"""Every number that is shown is traced: to a verified entry or row beside it, to the record, or to a count."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from spondyl.decisions import assess_candidacy, plan_bone_health, plan_procedure
from spondyl.documents.advice import advice_section
from spondyl.documents.advice_models import (
    BoneHealthDocument,
    DecisionsDocument,
    ForecastDocument,
    ProcedureDocument,
    RecoveryDocument,
    TriageDocument,
)
from spondyl.documents.booklet import booklet_html
from spondyl.documents.languages import Language, find_language, language_codes
from spondyl.documents.report import write_report
from spondyl.evidence import entry_ids, find_entry, find_rule, find_source, source_keys, trial_rows
from spondyl.followup import SYMPTOMS, CheckIn, plan_recovery, triage
from spondyl.outcomes import predict_outcomes
from spondyl.outcomes.pooling import pooled_differences
from spondyl.outcomes.types import FEWEST_COMPARISONS
from spondyl.planning import no_treatment
from spondyl.spine import Level
from spondyl.studies import Bleeding, BloodThinner, Cause, Conditions, Patient
from tests.unit.decisions.test_candidacy import SAFE
from tests.unit.decisions.test_procedure import plan_of
from tests.unit.documents.number_trace import (
    IDENTIFIERS,
    Page,
    all_numbers,
    document_of,
    figures_of_entries,
    held_by,
    untraced,
    untraced_on_page,
)

# Odd values, so that no figure of the evidence hides behind one of the record.
KNOWN = replace(SAFE, age_years=83.7, pain_nrs=8.7, bleeding=Bleeding(tuple(BloodThinner), 1.37, 217.0, 43.9))
PATIENTS = {
    "nothing known": Patient(),
    "everything known": KNOWN,
    "osteoporotic": Patient(cause=Cause.OSTEOPOROTIC, fracture_levels=("L1",), pain_nrs=8.7, age_years=76.3, sex="F"),
    "cancer": Patient(cause=Cause.NEOPLASTIC, fracture_levels=("T12", "L2"), conditions=Conditions(known_cancer=True)),
    "infection": replace(KNOWN, conditions=replace(KNOWN.conditions, local_infection=True)),
    "an accident": Patient(cause=Cause.TRAUMATIC, fracture_levels=("L3",), age_years=43.9, sex="M"),
}
EVERYTHING = CheckIn(3, 7.3, 39.7, **dict.fromkeys(SYMPTOMS, True), known_cancer=True, other="")
everyone = pytest.mark.parametrize("patient", PATIENTS.values(), ids=PATIENTS)


def record_of(patient: Patient) -> frozenset[float]:
    return all_numbers(json.loads(TypeAdapter(Patient).dump_json(patient)))


def documents_of(patient: Patient) -> Mapping[str, BaseModel]:
    return {
        "advice": DecisionsDocument.of(assess_candidacy(patient)),
        "forecast": ForecastDocument.of(predict_outcomes(patient)),
        "procedure": ProcedureDocument.of(plan_procedure(patient, (plan_of(Level.L1), plan_of(Level.T12)))),
        "bones": BoneHealthDocument.of(plan_bone_health(patient)),
        "aftercare": RecoveryDocument.of(plan_recovery(), None),
        "without": RecoveryDocument.of(plan_recovery(no_treatment(Level.L1)), None),
        "asked": TriageDocument.of(triage(EVERYTHING), None),
        "not asked": TriageDocument.of(triage(CheckIn()), None),
    }


def worked_out(name: str, patient: Patient) -> frozenset[float]:
    """What a document holds besides: counts and conversions, done again here from what they rest on."""
    if name == "advice":
        (months,) = figures_of_entries(("pc-implant",)) & {3.0}
        points = [range_of_score(one.words) for one in assess_candidacy(patient).choices if one.words]
        return frozenset({months * 52 / 12}).union(*points)
    if name == "forecast":
        pooled = pooled_differences("osteoporotic")
        assert all(row.verified for one in pooled for row in rows_of(one.trials, one.time_days))
        trials = {one.trial for one in predict_outcomes(patient).arms if (one.outcome, one.time_days) == ("pain", 365)}
        hidden = float(sum(not row.verified for row in trial_rows()))
        remarks = figures_of_entries(("out-vertos2-screen", "out-blasco"))  # told among the remarks, word for word
        return all_numbers([document_of(TypeAdapterOf(one)) for one in pooled]) | remarks | {hidden, len(trials), 3.0}
    if name == "bones":
        assert "50" in find_entry("bh-who").population
        return frozenset({50.0})  # "aged 50 or more": whom the guidelines of the United Kingdom speak of
    if name == "procedure":
        return plan_figures(patient)
    if name in ("aftercare", "without"):
        (first, *_, last) = find_rule("fu-visit").says("visit_weeks")
        assert {first, last} <= figures_of_entries(find_rule("fu-visit").entries)
        months = find_entry("rec-baycare-act").figure("lift_restriction").value
        return frozenset({0.0, 2.0, first * 7.0, last * 7.0, months * 30.0, 365.0})  # 365: "in the first year"
    return frozenset({3.0, 7.3, 39.7})  # the check-in's own answers


class TypeAdapterOf(BaseModel):
    """A record as JSON."""

    record: Any

    def __init__(self, record: object) -> None:
        super().__init__(record=record)


def range_of_score(words: str) -> frozenset[float]:
    """Points of this record, which the test of the score works out by hand."""
    return all_numbers(words.partition("This record:")[2])


def rows_of(trials: tuple[str, ...], days: int) -> list[Any]:
    return [row for row in trial_rows() if row.trial in trials and row.time_days == days and row.value is not None]


def plan_figures(patient: Patient) -> frozenset[float]:
    """Needles, volumes and pace: those of the plan, which are geometry and no evidence."""
    document = document_of(ProcedureDocument.of(plan_procedure(patient, (plan_of(Level.L1), plan_of(Level.T12)))))
    points = [one["words"] for one in document["checklist"] if one["key"].startswith("needles")]
    return all_numbers([document["needles"], document["cement"], document["pace"], points])


@everyone
def test_every_number_of_every_document_is_traced(patient: Patient) -> None:
    for name, document in documents_of(patient).items():
        known = record_of(patient) | worked_out(name, patient)
        assert sorted(untraced(document_of(document), known)) == [], name


@everyone
def test_the_report_shows_no_number_that_its_documents_do_not_hold(patient: Patient, tmp_path: Path) -> None:
    """Section by section: the documents were traced, so nothing may come in on the way to the page."""
    documents = documents_of(patient)
    write_report(
        tmp_path / "report.html",
        findings=(),
        patient=patient,
        advice=assess_candidacy(patient),
        outlook=predict_outcomes(patient),
        procedure=plan_procedure(patient, (plan_of(Level.L1), plan_of(Level.T12))),
        bones=plan_bone_health(patient),
        recovery=plan_recovery(),
    )
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    names = ("advice", "forecast", "procedure", "bones", "aftercare")
    held = {name: held_by(document_of(documents[name])) for name in names}
    section = advice_section(assess_candidacy(patient))
    held["advice"] |= {float(section.further_questions)}  # a count: "23 more stand in decisions.json"
    held["forecast"] |= {float(FEWEST_COMPARISONS)}
    held["summary"] = held["advice"] | held["forecast"]
    found = sorted(untraced_on_page(page, held))
    assert found == [], found


def booklet_sections(html: str) -> Iterator[tuple[str, str, frozenset[float]]]:
    """Each part of a booklet under a heading, its page, and the figures of the entries of the sources it links to."""
    cites = {
        number: unescape(words) for number, words in re.findall(r'<li id="source-(\d+)"[^>]*>(.*?)</li>', html, re.S)
    }
    keys = {find_source(key).cite: key for key in source_keys()}
    sections = re.findall(r'<section aria-labelledby="(\w+)">(.*?)</section>', html, re.S)
    for name, part in ((name, part) for name, whole in sections for part in re.split("(?=<h3)", whole) if part.strip()):
        linked = {keys[cites[number].strip()] for number in set(re.findall(r'href="#source-(\d+)"', part))}
        entries = tuple(key for key in entry_ids() if find_entry(key).source in linked and find_entry(key).verified)
        yield name, f'<section aria-labelledby="{name}">{part}</section>', figures_of_entries(entries)


@pytest.mark.parametrize("code", language_codes())
@everyone
def test_every_number_of_the_booklet_stands_in_a_source_that_its_part_names(patient: Patient, code: str) -> None:
    """As it is published, of 1000 people, rounded; the rest is the record's, the scale of pain, or the 1000 itself."""
    html = booklet_html(patient=patient, findings=(), advice=assess_candidacy(patient), language=code)
    checked = 0
    for name, part, figures in booklet_sections(html):
        if name == "sources":
            continue
        known = record_of(patient) | figures | {float(round(10 * each)) for each in figures} | {10.0, 1000.0}
        known |= {float(round(each)) for each in figures}
        for _, number, words in untraced_on_page(Page(part), dict.fromkeys(Page(part).sections, frozenset())):
            checked += 1
            assert is_written_as_one_of(number, known, find_language(code)), (name, number, words)
    assert checked > 20


def is_written_as_one_of(number: str, known: frozenset[float], language: Language) -> bool:
    """Whether a number stands there as its language writes one of those that are known, with up to two digits."""
    return any(number == language.number(each, digits) for each in known for digits in (0, 1, 2))


def planted(document: Any, figure: str) -> Iterator[Any]:
    """The document again and again, each time with the figure at the end of one of its sentences."""
    if isinstance(document, Mapping):
        for key, value in document.items():
            if key not in IDENTIFIERS:
                yield from ({**document, key: inner} for inner in planted(value, figure))
    elif isinstance(document, list):
        for place, value in enumerate(document):
            yield from ([*document[:place], inner, *document[place + 1 :]] for inner in planted(value, figure))
    elif isinstance(document, str) and " " in document:
        yield f"{document} {figure}"


@pytest.mark.parametrize("name", ["advice", "forecast", "bones", "aftercare", "not asked"])
def test_a_figure_of_nobody_is_found_wherever_it_is_planted(name: str) -> None:
    """The walk itself: 61.9 stands in no entry, so each sentence that holds it must be named, and no other."""
    document = document_of(documents_of(Patient())[name])
    known = worked_out(name, Patient())
    seen = 0
    for wrong in itertools.islice(planted(document, "61.9"), 0, None, 7):
        assert [number for _, number, _ in untraced(wrong, known)] == ["61.9"]
        seen += 1
    assert seen >= 3


def test_a_figure_of_an_entry_that_is_not_cited_beside_it_is_found_too() -> None:
    """A true figure at the wrong source: the 56.6 % of another study among the words on NICE."""
    document = document_of(documents_of(Patient())["advice"])
    nice = next(one for one in document["positions"] if one["key"] == "cand-nice")
    assert list(untraced(nice, frozenset())) == []
    assert list(untraced({**nice, "note": "56.6 % of them"}, frozenset())) == [(".note", "56.6", "56.6 % of them")]
