"""Find an evidence entry, a physical parameter or a source by its key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar

from spondyl.errors import InputError
from spondyl.evidence.copies import packaged_yaml
from spondyl.evidence.types import EvidenceEntry, EvidenceValue, Figure, Parameter, Source

_Record = TypeVar("_Record")

# Statements of verified entries of which the file itself says that a part was not read, without that part.
_READ_PART = {
    "out-cafe": "CAFE (cancer, BKP 70 vs NSM 64): RDQ 17.6 to 9.1 at 1 month with kyphoplasty (change -8.3, -10.2 to "
    "-6.4); the controls' values were not read.",
}

# Keys of this project that stand in no shared file. Citations written from general knowledge say so.
_OWN_SOURCES = (
    Source("spondyl", "Definition of this project: docs/nomenclature.md", None, None, None, identifiers_seen=True),
    Source(
        "birmingham_gauge",
        "Birmingham wire gauge, as tabled for hypodermic needles: nominal outer diameters; a maker's needle may differ",
        None,
        None,
        "https://en.wikipedia.org/wiki/Needle_gauge_comparison_chart",
        identifiers_seen=True,
    ),
    Source(
        "treece2010",
        "Treece GM, Gee AH, Mayhew PM, Poole KES. High resolution cortical bone thickness measurement from clinical "
        "CT data. Med Image Anal 2010;14:276-290",
        None,
        None,
        None,
        identifiers_seen=False,
    ),
    Source(
        "totalsegmentator_report",
        "Rules of the spine report of TotalSegmentator 2: heights at 15, 50 and 85 % of the depth, flagged when the "
        "least is below 0.8 of the greatest",
        None,
        None,
        "https://github.com/wasserth/TotalSegmentator",
        identifiers_seen=False,
    ),
)


def find_entry(entry_id: str) -> EvidenceEntry:
    """The evidence entry of that id."""
    return _found(_entries(), entry_id, "evidence entry")


def find_source(key: str) -> Source:
    """The source of that key: published work, or a definition of this project."""
    return _found(_sources(), key, "source")


def find_parameter(name: str) -> Parameter:
    """The physical parameter of that name."""
    return _found(_parameters(), name, "parameter")


def entry_ids() -> tuple[str, ...]:
    """Ids of all evidence entries."""
    return tuple(_entries())


def source_keys() -> tuple[str, ...]:
    """Keys of all sources."""
    return tuple(_sources())


def parameter_names() -> tuple[str, ...]:
    """Names of all physical parameters."""
    return tuple(_parameters())


def _found(records: Mapping[str, _Record], key: str, kind: str) -> _Record:
    if key in records:
        return records[key]
    near = get_close_matches(key, records, n=3)
    advice = f"did you mean {', '.join(near)}?" if near else "look it up in the files of src/spondyl/evidence/data"
    raise InputError(f"there is no {kind} {key!r} among {len(records)}: {advice}")


@cache
def _entries() -> dict[str, EvidenceEntry]:
    return {raw["id"]: _entry(raw) for raw in packaged_yaml("evidence/evidence.yaml")}


@cache
def _parameters() -> dict[str, Parameter]:
    return {raw["name"]: _parameter(raw) for raw in packaged_yaml("physics/parameters.yaml")["parameters"]}


@cache
def _sources() -> dict[str, Source]:
    """All sources; a key that stands in several files is taken from the fullest of them, the last."""
    return {source.key: source for source in _all_sources()}


def _all_sources() -> Iterable[Source]:
    """Sources in rising order of fullness."""
    for name in ("physics/validation.yaml", "physics/parameters.yaml"):
        for key, raw in packaged_yaml(name)["sources"].items():
            yield Source(key, raw["cite"], None, None, raw["url"] or None, identifiers_seen=bool(raw["url"]))
    for raw in packaged_yaml("evidence/sources.yaml"):
        yield _published(raw)
    yield from _OWN_SOURCES


def _published(raw: Mapping[str, Any]) -> Source:
    parts = [raw["authors"].rstrip("."), raw["title"], raw["journal"], str(raw["year"]) if raw.get("year") else ""]
    seen = raw["identifiers_seen"] and not raw.get("author_list_recalled", False)
    return Source(raw["id"], ". ".join(part for part in parts if part), raw["doi"], raw["pmid"], raw.get("url"), seen)


def _entry(raw: Mapping[str, Any]) -> EvidenceEntry:
    verified = raw["verified"] is True
    return EvidenceEntry(
        entry_id=raw["id"],
        topic=raw["topic"],
        statement=_READ_PART.get(raw["id"], raw["statement"]) if verified else None,
        values=tuple(_value(value) for value in raw["values"]) if verified else (),
        population=raw["population"],
        strength=raw.get("strength") if verified else None,
        note=raw.get("note") if verified else None,
        source=raw["source"]["id"],
        verified=verified,
    )


def _value(raw: Mapping[str, Any]) -> EvidenceValue:
    value, parts = _figure(raw.get("value"))
    return EvidenceValue(
        name=raw["name"],
        value=value,
        unit=raw.get("unit"),
        low=raw.get("low"),
        high=raw.get("high"),
        ci_low=raw.get("ci_low"),
        ci_high=raw.get("ci_high"),
        sd=raw.get("sd"),
        operator=raw.get("op"),
        parts=parts,
    )


def _parameter(raw: Mapping[str, Any]) -> Parameter:
    value, parts = _figure(raw["value"])
    low, high = raw["range"] or (None, None)
    return Parameter(
        name=raw["name"],
        group=raw["group"],
        value=value,
        parts=parts,
        unit=raw["units"],
        low=low,
        high=high,
        source=raw["source"],
        verified=_is_yes(raw["verified"]),
        note=raw["note"],
    )


def _figure(raw: Any) -> tuple[Figure, tuple[tuple[str, float | str], ...]]:
    """A value as the record keeps it: a list becomes a tuple, a table by group becomes parts."""
    if isinstance(raw, dict):
        return None, tuple((str(key), value) for key, value in raw.items())
    return (tuple(raw) if isinstance(raw, list) else raw), ()


def _is_yes(word: Any) -> bool:
    """The physics files write 'yes' and 'no' in quotes; a plain yes is a boolean in YAML. Anything else is no."""
    return word is True or word == "yes"
