"""Rows of the published trials: what was measured in which arm and when, and whether it was read in a text.

`evidence/trials.csv` is the shared file, copied as it stands. Two files of this project stand beside it:
`own/trial_designs.csv` (how each trial was controlled, and in whom) and `own/trials_verification.csv` (rows that were
read, with page or table, address and the quoted cell).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache

from spondyl.errors import InputError
from spondyl.evidence.copies import packaged_bytes


class Comparison(StrEnum):
    """How a trial was controlled. Kinds are never mixed: without masking, hope is measured together with cement."""

    SHAM = "sham-controlled"
    OPEN = "open-label"
    HEAD_TO_HEAD = "head-to-head"
    SINGLE_ARM = "single arm"
    ADD_ON = "add-on"  # of exercise or a drug to a procedure that both arms had


@dataclass(frozen=True)
class TrialDesign:
    """How a trial was controlled, and in whom."""

    trial: str
    name: str  # as one says it
    kind: Comparison
    control: str
    cause: str  # of the fractures: osteoporotic, neoplastic
    part_of: str | None  # the trial that this subgroup was taken from: not an independent comparison
    population: str


@dataclass(frozen=True)
class Verification:
    """Where a row was read: page or table, address, and the cell as it is printed."""

    page_or_table: str
    address: str
    quoted: str

    def __post_init__(self) -> None:
        missing = [item.name for item in fields(self) if not getattr(self, item.name).strip()]
        if missing:
            raise InputError(f"a verification needs page or table, address and the quoted cell; {missing[0]} is empty")


@dataclass(frozen=True)
class TrialRow:
    """One published figure of one arm, or of two arms compared, at one time.

    A row that is not verified has no figures: what nobody read in a text can neither be shown nor fitted by mistake.
    """

    trial: str
    arm: str
    n: int | None
    outcome: str
    scale_max: float | None
    time_days: int
    value: float | None
    sd: float | None
    low: float | None  # 95 % interval
    high: float | None
    value_type: str  # mean, change_from_baseline, proportion, between_group_difference, ...
    source: str  # key of a Source
    note: str
    design: TrialDesign
    verified: bool
    verification: Verification | None  # None: verified in the shared file, without a quotation

    def __post_init__(self) -> None:
        if not self.verified and any(figure is not None for figure in (self.value, self.sd, self.low, self.high)):
            raise InputError(f"a row of {self.trial} is not verified and must not carry figures")


@cache
def trial_rows() -> tuple[TrialRow, ...]:
    """All rows in the order of the shared file, those that are not verified without figures."""
    read = {_key(raw): raw for raw in _table("own/trials_verification.csv")}
    rows = _table("evidence/trials.csv")
    seen = Counter(_key(raw) for raw in rows)
    for key in read:
        if seen[key] != 1:
            raise InputError(f"the verification of {' '.join(key)} fits {seen[key]} rows of trials.csv, not one")
    return tuple(_row(raw, read.get(_key(raw))) for raw in rows)


@cache
def trial_designs() -> Mapping[str, TrialDesign]:
    """How each trial was controlled, by its key."""
    return {raw["trial"]: _design(raw) for raw in _table("own/trial_designs.csv")}


def _key(raw: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(raw[name] for name in ("trial", "arm", "outcome", "time_days", "value_type"))


def _row(raw: Mapping[str, str], read: Mapping[str, str] | None) -> TrialRow:
    verification = None if read is None else Verification(read["page_or_table"], read["address"], read["quoted"])
    verified = verification is not None or raw["verified"] == "true"
    spread = raw["sd_or_ci"] if verified else ""
    low, high = _interval(spread) if raw["spread_type"] == "ci95" else (None, None)
    return TrialRow(
        trial=raw["trial"],
        arm=raw["arm"],
        n=int(raw["n"]) if raw["n"] else None,
        outcome=raw["outcome"],
        scale_max=_number(raw["scale_max"]),
        time_days=int(raw["time_days"]),
        value=_number(raw["mean"]) if verified else None,
        sd=_number(spread) if raw["spread_type"] == "sd" else None,
        low=low,
        high=high,
        value_type=raw["value_type"],
        source=raw["source_id"],
        note=raw["note"],
        design=trial_designs()[raw["trial"]],
        verified=verified,
        verification=verification,
    )


def _design(raw: Mapping[str, str]) -> TrialDesign:
    kind = Comparison(raw["kind"])
    return TrialDesign(
        raw["trial"], raw["name"], kind, raw["control"], raw["cause"], raw["part_of"] or None, raw["population"]
    )


def _interval(text: str) -> tuple[float | None, float | None]:
    """Two numbers of a text such as "-1.17 to 0.31"."""
    low, _, high = text.partition(" to ")
    return _number(low), _number(high)


def _number(text: str) -> float | None:
    return float(text) if text else None


def _table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(packaged_bytes(name).decode("utf-8"))))
