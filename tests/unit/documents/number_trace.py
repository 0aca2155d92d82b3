"""Walk what is shown, JSON or a page, and look for each number in a verified entry or row, or in the patient's record.

Where a part of the output names entries or a source, its numbers must stand in those; the rest must be the record's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from math import sqrt
from typing import Any

from pydantic import BaseModel

from spondyl.decisions.populations import POPULATIONS
from spondyl.errors import InputError
from spondyl.evidence import TrialRow, entry_ids, find_entry, find_source, trial_designs, trial_rows, variables
from tests.unit.decisions.traced import figures_of

NUMBER = re.compile(r"(?<![\w.^])(?<![A-Za-z]-)\d+(?:[.,]\d+)*")  # "L1", "acr2018", "SF-36", "10^9" are names
UNITS = tuple(sorted({one.unit for one in variables().values() if one.unit} | {"x10^9/L"}, key=len, reverse=True))
TRIALS = tuple(one.name for one in trial_designs().values())
# Names with a number of their own, and the ends of scales.
NAMES = re.compile(
    r"25-OH|NOGG 2021|20\d\d update|from 0 to 10\b|\b0-10\b|of 10\b|of 100\b|of 1,?000\b|same 1000\b|95 % interval"
)
# Keys of the JSON whose values are names of things, not figures that are shown.
IDENTIFIERS = {
    *(
        "key",
        "sources",
        "source",
        "entries",
        "entry",
        "variable",
        "facts",
        "changes",
        "schema",
        "trial",
        "arm",
        "hidden",
    ),
    *("trial_name", "trials", "switched_off"),
}
Unknown = tuple[str, str, str]  # where, which number, in which words


def document_of(model: BaseModel) -> Any:
    return json.loads(model.model_dump_json(by_alias=True))


def numbers_in(words: str) -> Iterator[str]:
    for unit in (*UNITS, *TRIALS):
        words = words.replace(unit, " ")
    yield from NUMBER.findall(NAMES.sub(" ", words))


def is_among(number: str, known: frozenset[float]) -> bool:
    """Whether a number as it is printed is one of the known ones, rounded to the digits that are printed."""
    plain = number.replace(",", "")
    digits = len(plain.partition(".")[2])
    return any(f"{abs(each):.{digits}f}" == plain for each in known)


@cache
def figures_of_entries(entries: tuple[str, ...]) -> frozenset[float]:
    found: set[float] = set()
    for key in entries:
        if find_entry(key).verified:
            found |= figures_of(key) | years_of(find_entry(key).source)
    return frozenset(found)


def years_of(source: str) -> set[float]:
    """A guideline is called by its year: the one that its citation or key holds."""
    try:
        cite = find_source(source).cite
    except InputError:
        return set()
    return {float(year) for year in re.findall(r"(?:19|20)\d\d", f"{cite} {source}")}


@cache
def figures_of_rows(trial: str | None, source: str | None) -> frozenset[float]:
    """Figures of the verified rows of a trial, or of a source, as the forecast tells them.

    In points, in percent of their scale, of 1000 people; with the interval that counts in the note give.
    """
    found: set[float] = set()
    for row in trial_rows():
        if (trial is not None and row.trial != trial) or (source is not None and row.source != source):
            continue
        if not row.verified:
            continue
        factors = [1.0, *([100.0 / row.scale_max] if row.scale_max else []), *([1000.0] if _is_share(row) else [])]
        ends = [end for end in (row.value, row.sd, row.low, row.high) if end is not None]
        found |= {factor * end for end in ends for factor in factors}
        found |= {float(row.time_days), *({float(row.n)} if row.n else set())}
        found |= {float(digits) for digits in re.findall(r"\d+", row.outcome)}  # "relief_ge50pct"
        counts = re.match(r"^(\d+)/(\d+)$", row.note)
        found |= set(wilson(int(counts[1]), int(counts[2]))) if counts else set()
        found |= figures_of_people(row.trial)
    return frozenset(found)


def _is_share(row: TrialRow) -> bool:
    return row.value_type == "proportion"


@cache
def figures_of_people(trial: str) -> frozenset[float]:
    """Numbers of the words on a trial's people that a verified entry or row of the same sources holds."""
    sources = {row.source for row in trial_rows() if row.trial == trial}
    entries = [key for key in entry_ids() if find_entry(key).verified and find_entry(key).source in sources]
    entries += [key for one in POPULATIONS if one.trial == trial_designs()[trial].name for key in one.entries]
    known = figures_of_entries(tuple(entries))
    words = trial_designs()[trial].population
    return frozenset(float(number) for number in numbers_in(words) if is_among(number, known))


def wilson(hits: int, people: int) -> tuple[float, float]:
    """Wilson's 95 % interval of 1000, by its formula, to one digit."""
    z, share = 1.959964, hits / people
    middle = (share + z**2 / (2 * people)) / (1 + z**2 / people)
    half = z / (1 + z**2 / people) * sqrt(share * (1 - share) / people + z**2 / (4 * people**2))
    return round(1000 * (middle - half), 1), round(1000 * (middle + half), 1)


def untraced(document: Any, known: frozenset[float], where: str = "") -> Iterator[Unknown]:
    """Numbers of a JSON document that neither the entries beside them nor `known` hold."""
    if isinstance(document, Mapping):
        inner = known | _figures_beside(document)
        for key, value in document.items():
            if key not in IDENTIFIERS:
                yield from untraced(value, inner, f"{where}.{key}")
    elif isinstance(document, list):
        names = tuple(one for one in document if isinstance(one, str) and _is_entry(one))
        inner = known | figures_of_entries(names)
        for value in document:
            if not (isinstance(value, str) and (_is_entry(value) or _is_source(value))):
                yield from untraced(value, inner, where)
    elif isinstance(document, str):
        yield from ((where, number, document) for number in numbers_in(document) if not is_among(number, known))
    elif isinstance(document, int | float) and not isinstance(document, bool) and not _is_number_among(document, known):
        yield where, f"{document:g}", ""


def _is_number_among(number: float, known: frozenset[float]) -> bool:
    return any(abs(abs(number) - abs(each)) < 1e-9 for each in known)


def _figures_beside(part: Mapping[str, Any]) -> frozenset[float]:
    """What the entries, or the source, that stand in the same part hold."""
    entries = tuple(part.get("entries", ())) + ((part["entry"],) if part.get("entry") else ())
    known = figures_of_entries(entries) | {year for source in part.get("sources", ()) for year in years_of(source)}
    source = part.get("source")
    if part.get("trial") is not None:
        known |= figures_of_rows(part["trial"], None)
    elif "per_1000" in part:
        cited = tuple(key for key in entry_ids() if find_entry(key).source == source)
        known |= figures_of_rows(None, source) | {10 * each for each in figures_of_entries(cited)}
        known |= figures_of_entries(cited)
    return known | ({365.0} if part.get("horizon_days") == 365 else set())  # "next year", "at one year"


@cache
def _is_entry(name: str) -> bool:
    try:
        return bool(find_entry(name))
    except InputError:
        return False


@cache
def _is_source(name: str) -> bool:
    try:
        return bool(find_source(name))
    except InputError:
        return False


def all_numbers(document: Any) -> frozenset[float]:
    """All numbers of a JSON document, as numbers and in words."""
    if isinstance(document, Mapping):
        return frozenset().union(*(all_numbers(value) for key, value in document.items() if key not in IDENTIFIERS))
    if isinstance(document, list):
        return frozenset().union(*(all_numbers(value) for value in document))
    if isinstance(document, str):
        return frozenset(float(number.replace(",", "")) for number in numbers_in(document))
    if isinstance(document, int | float) and not isinstance(document, bool):
        return frozenset({float(document)})
    return frozenset()


def entries_named(document: Any) -> frozenset[str]:
    """Ids of the entries that a JSON document names anywhere: a page may print their words."""
    if isinstance(document, Mapping):
        return frozenset().union(*map(entries_named, document.values()))
    if isinstance(document, list):
        return frozenset().union(*map(entries_named, document))
    return frozenset({document}) if isinstance(document, str) and _is_entry(document) else frozenset()


def held_by(document: Any) -> frozenset[float]:
    """All numbers that a page on this document may show."""
    return all_numbers(document) | figures_of_entries(tuple(sorted(entries_named(document))))


class Page(HTMLParser):
    """The text nodes and alternatives of a page by section, those of links to sources and of styles left out."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sections: dict[str, list[str]] = {}
        self.name, self.silent = "", 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "section":
            self.name = given.get("aria-labelledby") or ""
        self.silent += tag in ("style", "script") or (tag == "a" and (given.get("href") or "").startswith("#source-"))
        if given.get("alt"):
            self._say(given["alt"] or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "section":
            self.name = ""
        if self.silent and tag in ("style", "script", "a"):
            self.silent -= 1

    def handle_data(self, data: str) -> None:
        if data.strip() and not self.silent:
            self._say(" ".join(data.split()))

    def _say(self, words: str) -> None:
        self.sections.setdefault(self.name, []).append(words)


def untraced_on_page(page: Page, known: Mapping[str, frozenset[float]]) -> Iterator[Unknown]:
    """Numbers of the sections that `known` names which it does not hold."""
    for name, numbers in known.items():
        for words in page.sections[name]:
            yield from ((name, number, words) for number in numbers_in(words) if not is_among(number, numbers))
