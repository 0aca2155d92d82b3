"""The full list of findings behind the report's tables, and the methods, reasons and sources that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from spondyl.documents.level_tables import STATUS_WORDS
from spondyl.documents.tables import (
    deformed_levels,
    interval_text,
    joined,
    level_ranges,
    level_text,
    place_text,
    value_text,
    words,
)
from spondyl.evidence import Source, find_source
from spondyl.findings import Finding, Findings
from spondyl.spine import Level

LONG_REASON = 60  # characters; longer ones are listed once, below
_CHANCES = "genant_grade_probability_"
Key = tuple[str, str]  # method, source


@dataclass(frozen=True)
class FindingRow:
    """One finding as the full list prints it."""

    what: str
    value: str
    interval: str
    status: str
    reason: str  # a short one; empty where there is none or where it stands in the list
    reason_number: int | None  # of a long one, in the list of reasons
    method: int  # number in the list of methods
    source: str


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one level, or of the whole study."""

    title: str
    rows: tuple[FindingRow, ...]


@dataclass(frozen=True)
class Method:
    """A method with what was measured by it."""

    what: str
    method: str
    source: str


@dataclass(frozen=True)
class Lists:
    """The full list and the words that many findings share; its rows give their number."""

    groups: tuple[FindingGroup, ...]
    methods: tuple[Method, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CitedSource:
    """A source as the report prints it."""

    key: str
    cite: str
    identifiers: str
    doubt: str


def finding_lists(findings: Findings, levels: Sequence[Level]) -> Lists:
    """All findings, level by level; the chances of grades stand in the table of levels."""
    listed = tuple(finding for finding in findings if not finding.name.startswith(_CHANCES))
    methods, numbers = _methods(listed)
    reasons = list(dict.fromkeys(f.reason for f in listed if f.reason and len(f.reason) > LONG_REASON))
    groups = [_group(listed, level, numbers, reasons) for level in (None, *levels)]
    return Lists(tuple(group for group in groups if group.rows), methods, tuple(reasons))


def what_text(finding: Finding) -> str:
    """The name of a finding in words, with the side and the second level where it has them."""
    beyond = place_text(finding) if finding.level_to is not None or finding.side is not None else ""
    return words(finding.name) + (f" ({beyond})" if beyond else "")


def cited_sources(findings: Findings, others: Iterable[str] = ()) -> list[CitedSource]:
    """Each source that a finding names, and others by their keys."""
    return [_cited(find_source(key)) for key in sorted({finding.source for finding in findings} | set(others))]


def _group(findings: Findings, level: Level | None, numbers: Mapping[Key, int], reasons: list[str]) -> FindingGroup:
    rows = tuple(_row(finding, numbers, reasons) for finding in findings if finding.level is level)
    name = "Whole study" if level is None else level_text(level)
    return FindingGroup(f"{name} - deformed" if level in deformed_levels(findings) else name, rows)


def _row(finding: Finding, numbers: Mapping[Key, int], reasons: list[str]) -> FindingRow:
    is_long = finding.reason in reasons
    return FindingRow(
        what_text(finding),
        value_text(finding),
        interval_text(finding),
        STATUS_WORDS[finding.status],
        "" if is_long else finding.reason or "",
        reasons.index(finding.reason) + 1 if finding.reason and is_long else None,
        numbers[finding.method, finding.source],
        finding.source,
    )


def _methods(findings: Findings) -> tuple[tuple[Method, ...], dict[Key, int]]:
    """The methods, and the number of each; those that differ by level only, such as by its neighbours, share a row."""
    of_key: dict[Key, list[Finding]] = {}
    for finding in findings:
        of_key.setdefault((finding.method, finding.source), []).append(finding)
    rows: dict[tuple[Any, ...], list[Key]] = {}
    for key, found in of_key.items():
        names = tuple(dict.fromkeys(finding.name for finding in found))
        rows.setdefault((names, key[1]), []).append(key)
    methods = tuple(_method(findings, names, keys, of_key) for (names, _), keys in rows.items())
    return methods, {key: number for number, keys in enumerate(rows.values(), 1) for key in keys}


def _method(findings: Findings, names: Sequence[str], keys: list[Key], of_key: Mapping[Key, list[Finding]]) -> Method:
    """What was measured by these methods; the levels too, where others were measured otherwise."""
    levels = [{f.level for f in of_key[key] if f.level is not None} for key in keys]
    everywhere = {f.level for f in findings if f.name in names and f.level is not None}
    seen = set().union(*levels)
    what = joined(words(name) for name in names) + ("" if seen == everywhere else f" ({level_ranges(seen)})")
    texts = [method for method, _ in keys]
    if len(keys) == 1:
        return Method(what, texts[0], keys[0][1])
    split = [text.split(" ") for text in texts]
    shared = [same[0] for same in takewhile(lambda same: len(set(same)) == 1, zip(*split, strict=False))]
    rest = [" ".join(parts[len(shared) :]) for parts in split]
    parts = "; ".join(f"{level_ranges(own)}: {text}" for own, text in zip(levels, rest, strict=True))
    return Method(what, f"{' '.join(shared)} ... {parts}".strip(), keys[0][1])


def _cited(source: Source) -> CitedSource:
    doi, pmid = source.doi, source.pmid
    identifiers = (f"doi:{doi}" if doi else "", f"PMID {pmid}" if pmid else "", "" if doi or pmid else source.url or "")
    doubt = "" if source.identifiers_seen else "cited from general knowledge: not checked against the publication"
    return CitedSource(source.key, source.cite, "; ".join(filter(None, identifiers)), doubt)
