"""The booklets of a case: in which languages, for which place, and their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spondyl.decisions import Recommendation
from spondyl.documents.booklet import write_booklet
from spondyl.documents.languages import ENGLISH, find_language
from spondyl.documents.settings import NOTHING_SET, Settings
from spondyl.findings import Findings
from spondyl.spine import Spine
from spondyl.studies import Patient


@dataclass(frozen=True)
class BookletWish:
    """Which booklets are to be written, and what holds where they are read, as it stands in run.json."""

    languages: tuple[str, ...] = (ENGLISH,)
    here: Settings = NOTHING_SET

    @classmethod
    def asked(cls, languages: Sequence[str] | None, here: Settings) -> BookletWish | None:
        """The wish of a command line; None where it says nothing. A language that is not there is refused.

        What it does not say stays open: see `over`.
        """
        if not languages and here == NOTHING_SET:
            return None
        codes = tuple(dict.fromkeys(languages or ()))
        for code in codes:
            find_language(code)
        return cls(codes, here)

    def over(self, earlier: BookletWish) -> BookletWish:
        """This wish, completed by an earlier one where it says nothing."""
        return BookletWish(self.languages or earlier.languages, self.here.over(earlier.here))

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> BookletWish:
        """The wish that a record of run.json holds; older ones have the emergency number alone."""
        here = parameters.get("here") or {"emergency_number": parameters["emergency_number"], "team": None}
        return cls(tuple(parameters["languages"]), Settings.of(here))

    @property
    def parameters(self) -> dict[str, Any]:
        """For run.json: lists, as JSON has no tuples."""
        return {"languages": list(self.languages), "here": self.here.parameters}


def booklet_name(language: str, suffix: str) -> str:
    """The name of a booklet's file: booklet.html in English, booklet.ar.html in Arabic."""
    return f"booklet.{suffix}" if language == ENGLISH else f"booklet.{language}.{suffix}"


def write_booklets(
    folder: Path,
    wish: BookletWish,
    *,
    patient: Patient,
    findings: Findings,
    spine: Spine,
    advice: Recommendation,
    with_pdf: bool,
) -> list[str]:
    """Write a booklet in each language, and its PDF; gives the names of the files."""
    written = []
    for language in wish.languages:
        page, printed = (booklet_name(language, suffix) for suffix in ("html", "pdf"))
        write_booklet(
            folder / page,
            patient=patient,
            findings=findings,
            spine=spine,
            advice=advice,
            language=language,
            emergency_number=wish.here.emergency_number,
            pdf=folder / printed if with_pdf else None,
        )
        written += [page, printed] if with_pdf else [page]
    return written
