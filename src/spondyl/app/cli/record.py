"""`spondyl record`: ask for the patient's facts, only those that could change an answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spondyl.app.cli.options import AsJson, PatientOption

if TYPE_CHECKING:
    from spondyl.decisions import Prompt
    from spondyl.findings import Findings
    from spondyl.studies import Patient


def record(
    out: Annotated[Path | None, typer.Option(help="The record to write (TOML).", show_default=False)] = None,
    patient: PatientOption = None,
    case: Annotated[
        Path | None, typer.Option(help="Case folder whose findings need not be asked for.", show_default=False)
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Print what would be asked, and ask nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask for what is missing in the record, one fact at a time, the one that could change most first.

    An empty line means not known; it is not asked again. "stop" ends. The file is written after each answer, so that
    nothing is lost. --json prints the questions, as --list does, and asks none.
    """
    from spondyl.app.cli.output import print_document, print_lines
    from spondyl.documents.advice_models import QuestionsDocument
    from spondyl.documents.patients import read_patient
    from spondyl.documents.records import FINDINGS_FILE, read_findings
    from spondyl.errors import InputError
    from spondyl.studies import Patient

    facts = Patient() if patient is None else read_patient(patient)
    findings = () if case is None else read_findings(case / FINDINGS_FILE)
    if as_json:
        print_document(QuestionsDocument(questions=tuple(_open(facts, findings))))
    elif list_only:
        print_lines(*(f"{one.fact}: {one.text} ({one.answers})" for one in _open(facts, findings)))
    elif out is None:
        raise InputError("--out is missing: name the file for the record, or ask for the questions with --list")
    else:
        _ask(facts, findings, out)


def _open(facts: Patient, findings: Findings) -> Iterator[Prompt]:
    """All questions that are open now."""
    skipped: list[str] = []
    while (prompt := _next(facts, findings, skipped)) is not None:
        yield prompt
        skipped.append(prompt.fact)


def _ask(facts: Patient, findings: Findings, out: Path) -> None:
    from spondyl.app.cli.output import print_lines, say
    from spondyl.decisions import with_answer
    from spondyl.documents.patients import patient_toml
    from spondyl.errors import InputError
    from spondyl.studies import write_whole

    skipped: list[str] = []
    write_whole(out, patient_toml(facts).encode())
    while (prompt := _next(facts, findings, skipped)) is not None:
        answer = _answer(prompt)
        if answer is None or answer.lower() == "stop":
            break
        if not answer:
            skipped.append(prompt.fact)
            continue
        try:
            facts = with_answer(facts, prompt.fact, answer)
        except InputError as error:
            say(str(error))
            continue
        write_whole(out, patient_toml(facts).encode())
    else:
        print_lines("No further fact could change an answer.")
    print_lines(f"written to {out}")


def _answer(prompt: Prompt) -> str | None:
    """What was typed; None where the input ended."""
    try:
        return input(f"{prompt.text} [{prompt.answers}; empty: not known] ").strip()
    except EOFError:
        return None


def _next(facts: Patient, findings: Findings, skipped: list[str]) -> Prompt | None:
    from spondyl.decisions import next_prompt

    return next_prompt(facts, findings, skipped)
