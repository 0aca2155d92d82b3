"""What commands print: results on stdout, everything else on stderr."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spondyl.documents.base import Document
    from spondyl.documents.models import JobDocument
    from spondyl.findings import Finding, Findings

SLOW_SECONDS = 2.0  # what takes longer is told also where nobody watches a terminal


def print_document(document: Document) -> None:
    """Print exactly one JSON object."""
    from spondyl.documents.base import to_json

    sys.stdout.write(to_json(document))


def print_lines(*lines: str) -> None:
    """Print lines of a result."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def say(line: str) -> None:
    """Tell the person at the terminal something that is no result."""
    sys.stderr.write(f"{line}\n")


def fail(message: str, *, as_json: bool = False, code: int = 2) -> int:
    """Say what went wrong in one line; gives the exit code."""
    say(f"spondyl: {message}")
    if as_json:
        print_error(message)
    return code


def print_error(message: str) -> None:
    """Print what went wrong as the one JSON object."""
    from spondyl.documents.models import ErrorDocument

    print_document(ErrorDocument(error=message))


def print_job(document: JobDocument, as_json: bool) -> None:
    """Print what a job found: the questions first, then the summary; the last line says where the report lies."""
    if as_json:
        print_document(document)
        return
    asked = [f"{'ANSWER FIRST' if q.blocking else 'question'}: {q.text} {q.action}" for q in document.questions]
    print_lines(*asked, *document.summary, *document.remarks, f"report: {document.report}")


def print_findings(findings: Findings) -> None:
    """Print findings level by level, from head to foot; what concerns the whole study comes last."""
    by_level = sorted(findings, key=lambda f: math.inf if f.level is None else f.level.order)
    print_lines(*(finding_line(finding) for finding in by_level))


def finding_line(finding: Finding) -> str:
    """One finding as a line: place, name, value with its interval, and the reason where there is one."""
    from spondyl.documents.tables import interval_text, place_text, value_text, words

    interval = "" if finding.low is None else f" ({interval_text(finding)})"
    reason = f" - {finding.reason}" if finding.reason else ""
    return f"{place_text(finding):<12} {words(finding.name):<34} {value_text(finding)}{interval}{reason}"


@contextmanager
def progress() -> Iterator[Callable[[str, str], None]]:
    """Gives the function that a job tells its stages to.

    On a terminal a spinner names the running stage; elsewhere a line is written for each stage that took long.
    """
    if not sys.stderr.isatty():
        yield _Timed().tell
        return
    from rich.console import Console

    console = Console(stderr=True)
    with console.status("starting") as status:

        def tell(stage: str, state: str) -> None:
            if state in ("begins", "waits", "goes on"):
                status.update(f"{stage} ...")
            else:
                console.print(f"{stage}: {state}")

        yield tell


class _Timed:
    """Tells of stages that took long, on stderr."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._begun: dict[str, float] = {}  # by stage: one may lie within another

    def tell(self, stage: str, state: str) -> None:
        """Take note of a beginning, and say at once what is waited for; at the end say how long it took, if long."""
        if state in ("begins", "waits"):
            self._begun[stage] = time.monotonic()
        if state == "waits":
            say(f"{stage} ...")
        elif state == "made" and (seconds := time.monotonic() - self._begun.pop(stage, self._start)) > SLOW_SECONDS:
            say(f"{stage}: {seconds:.1f} s")
