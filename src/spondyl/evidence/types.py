"""Records of the evidence: what was published, where, and whether the figure was read there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from spondyl.errors import InputError

Figure: TypeAlias = float | str | bool | tuple[float | str, ...] | None


@dataclass(frozen=True)
class Source:
    """Where a method or figure comes from."""

    key: str
    cite: str  # authors, title, journal, year in one line
    doi: str | None
    pmid: str | None
    url: str | None
    identifiers_seen: bool  # False: identifiers or authors were written from general knowledge


@dataclass(frozen=True)
class EvidenceValue:
    """One machine-readable figure of an evidence entry; what the source does not give is None."""

    name: str
    value: Figure
    unit: str | None
    low: float | None  # range
    high: float | None
    ci_low: float | None  # 95 % interval
    ci_high: float | None
    sd: float | None
    operator: str | None  # "<=", ">": how the value bounds
    parts: tuple[tuple[str, float | str], ...] = ()  # a value given by group, e.g. by sex


@dataclass(frozen=True)
class EvidenceEntry:
    """One clinical statement with its figures.

    An entry that is not verified has no statement and no values: what nobody read in the source cannot be shown by
    mistake. Its topic, population and source stay, so that its question can still be asked.
    """

    entry_id: str
    topic: str
    statement: str | None
    values: tuple[EvidenceValue, ...]
    population: str
    strength: str | None  # as the source grades it
    note: str | None
    source: str  # key of a Source
    verified: bool

    def __post_init__(self) -> None:
        if not self.verified and (self.statement is not None or self.values or self.note is not None):
            raise InputError(f"evidence entry {self.entry_id} is not verified and must not carry figures")

    def figure(self, name: str) -> EvidenceValue:
        """The figure of that name; an entry that is not verified gives none."""
        if not self.verified:
            raise InputError(
                f"evidence entry {self.entry_id} is not verified: its figures are not shown. "
                f"Check them against source {self.source} first"
            )
        for value in self.values:
            if value.name == name:
                return value
        names = ", ".join(value.name for value in self.values) or "none"
        raise InputError(f"evidence entry {self.entry_id} has no figure {name!r}; its figures are: {names}")


@dataclass(frozen=True)
class Parameter:
    """One physical parameter with its bracket.

    `low` and `high` are the range as the file gives it. A parameter that is not verified may be used as a bracket
    only, and a result that used it lists `assumption`.
    """

    name: str
    group: str
    value: Figure
    parts: tuple[tuple[str, float | str], ...]  # a value given by group
    unit: str
    low: float | None
    high: float | None
    source: str  # key of a Source
    verified: bool
    note: str

    def figure(self) -> Figure:
        """The value as a figure to show; a parameter that is not verified gives none."""
        if not self.verified:
            raise InputError(
                f"parameter {self.name} is not verified: use it as a bracket only and list its assumption, "
                f"or check it against source {self.source} first"
            )
        return self.value

    @property
    def assumption(self) -> str | None:
        """What a result that used this parameter must list; None when the figure was read in its source."""
        if self.verified:
            return None
        return f"{self.name}: not verified against {self.source}, used as a bracket"
