"""Published decision rules as records: when each speaks, what it says, and which entries stand behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from spondyl.errors import InputError
from spondyl.evidence.copies import packaged_yaml

Said: TypeAlias = str | float | bool | tuple[Any, ...] | None  # a table becomes a tuple of (key, value) pairs

_KEPT_UNVERIFIED = ("level", "urgency", "guideline")  # what a rule that nobody checked may still say: how grave it is

# Parts of verified rules that give an unverified figure away, by the file's own words: never shown.
_NOT_READ = {
    ("ac-hold-acc", "note"),  # that it agrees with an interval which nobody verified
    ("tri-cancer-neuro", "note"),  # hours, "general knowledge"
    ("bh-imaging", "note_balanced_hu_unverified"),
}

# Entries that hold figures of a rule whose own list of entries leaves them out.
_ALSO_ENTRIES = {
    "cand-acr-contraindicated": ("pp-sir-high",),  # INR and platelets
    "cand-rand-count": ("ind-hirsch-scope",),  # share of scenarios, and the pain of those taken
    "pc-default-equivalent": ("ind-eu-panel-defs",),  # what counts as a deformity
}

# Limits of verified rules that no verified entry holds: they are asked for, and the figure is not shown.
_LIMITS_NOT_READ = {
    "cand-sir-2014": ("pain_score",),
    "cand-nass-chronic": ("fracture_age_weeks",),  # its source says chronic
    "pc-implant": ("height_loss_percent",),
    "tri-sepsis": ("temperature_c",),  # its sources say fever, and from which temperature a doctor is called
    "tri-fever": ("temperature_c",),
    "tri-pain-worse": ("time_since_procedure_days",),
    "tri-pain-late": ("time_since_procedure_days",),
}

# What verified rules ask to be done, without a figure that no verified entry holds.
_READ_SAYS = {("tri-fever-unmeasured", "action"): "take_temperature_now; call_clinician_same_day; emergency_if_shaking"}

# Words of disagreements with a figure as their entry holds it, or without one that none holds.
_READ_POSITIONS = {("dis-augment-or-not", "nass_auc_ovf"): "rarely appropriate in 59.7% of scenarios"}
_READ_PRESENTATIONS = {"dis-time": "Treat fracture age as a soft preference, not a gate; use MRI oedema."}


@dataclass(frozen=True)
class Criterion:
    """One fact against one value; the operator "unknown" asks whether the fact was given at all."""

    variable: str
    operator: str  # ==, !=, <, <=, >, >=, unknown
    value: str | float | bool | None


@dataclass(frozen=True)
class AllOf:
    """All of the parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """At least one of the parts."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class CountOf:
    """The number of parts that hold, against a value."""

    parts: tuple[Condition, ...]
    operator: str
    value: float


@dataclass(frozen=True)
class Context:
    """A named situation that the caller knows, such as after_augmentation."""

    name: str


@dataclass(frozen=True)
class Default:
    """Speaks when no other rule of its domain does."""

    words: str


@dataclass(frozen=True)
class ScoreTerm:
    """Points of a score: for one fact or either of two, else other points; `group` is limited as a whole."""

    criterion: Criterion | None  # None: `points` is a formula in the variable, in words
    variable: str
    points: float | str
    else_points: float
    or_criterion: Criterion | None
    group: str | None


@dataclass(frozen=True)
class Score:
    """A sum of points."""

    name: str
    terms: tuple[ScoreTerm, ...]
    group_limits: tuple[tuple[str, float], ...]


Condition: TypeAlias = Criterion | AllOf | AnyOf | CountOf | Context | Default | Score


@dataclass(frozen=True)
class PublishedRule:
    """One rule of one source.

    A rule that is not verified keeps its condition, so that its question is asked, and says no more than its level,
    urgency and guideline.
    """

    rule_id: str
    domain: str
    when: Condition
    requires: str | None  # in words: the rule speaks only where that holds
    then: tuple[tuple[str, Said], ...]
    strength: str | None  # as the source grades it
    note: str | None
    sources: tuple[str, ...]  # keys of Sources
    entries: tuple[str, ...]  # ids of EvidenceEntries
    verified: bool
    limits_not_read: tuple[str, ...]  # variables whose limit is used and not shown: no verified entry holds it

    def says(self, key: str) -> Said:
        """What it says under a key, such as recommendation; None where it says nothing."""
        return dict(self.then).get(key)


@dataclass(frozen=True)
class Variable:
    """An input of the rules."""

    name: str
    kind: str  # bool, number, enum
    unit: str | None
    values: tuple[str, ...]  # of an enum
    description: str | None


@dataclass(frozen=True)
class Position:
    """Where one source stands."""

    source: str
    words: str


@dataclass(frozen=True)
class Disagreement:
    """Sources that do not agree, side by side, and how the evidence base asks to present them."""

    disagreement_id: str
    topic: str
    positions: tuple[Position, ...]
    presentation: str


def find_rule(rule_id: str) -> PublishedRule:
    """The rule of that id."""
    if rule_id not in _rules():
        raise InputError(f"there is no rule {rule_id!r} among {len(_rules())}: look it up in docs/rules.md")
    return _rules()[rule_id]


def rules_of(domain: str) -> tuple[PublishedRule, ...]:
    """All rules of a domain, in the order of the file; unverified ones too."""
    if domain not in rule_domains():
        raise InputError(f"there is no domain {domain!r} of rules; domains are {', '.join(rule_domains())}")
    return tuple(rule for rule in _rules().values() if rule.domain == domain)


def rule_domains() -> tuple[str, ...]:
    """The domains of the rules, in the order of the file."""
    return tuple(dict.fromkeys(rule.domain for rule in _rules().values()))


@cache
def variables() -> Mapping[str, Variable]:
    """Inputs of the rules by name."""
    raw = packaged_yaml("evidence/rules.yaml")["variables"]
    return {
        name: Variable(name, one["type"], one.get("unit"), tuple(one.get("values", ())), one.get("description"))
        for name, one in raw.items()
    }


@cache
def disagreements() -> tuple[Disagreement, ...]:
    """Where the sources disagree. Which positions may be shown is for the caller to check against the entries."""
    return tuple(
        Disagreement(
            raw["id"],
            raw["topic"],
            tuple(_stand(raw["id"], one["source"], one["position"]) for one in raw["positions"]),
            _READ_PRESENTATIONS.get(raw["id"], raw["resolve"]),
        )
        for raw in packaged_yaml("evidence/rules.yaml")["disagreements"]
    )


def _stand(disagreement_id: str, source: str, words: str) -> Position:
    return Position(source, _READ_POSITIONS.get((disagreement_id, source), words))


@cache
def _rules() -> dict[str, PublishedRule]:
    return {raw["id"]: _rule(raw) for raw in packaged_yaml("evidence/rules.yaml")["rules"]}


def _rule(raw: Mapping[str, Any]) -> PublishedRule:
    verified = raw["verified"] is True
    said = {
        key: _READ_SAYS.get((raw["id"], key), value)
        for key, value in raw["then"].items()
        if (verified or key in _KEPT_UNVERIFIED) and (raw["id"], key) not in _NOT_READ
    }
    return PublishedRule(
        rule_id=raw["id"],
        domain=raw["domain"],
        when=_condition(raw["when"]),
        requires=raw.get("requires"),
        then=_frozen(said),
        strength=raw.get("strength") if verified else None,
        note=raw.get("note") if verified and (raw["id"], "note") not in _NOT_READ else None,
        sources=tuple(raw["sources"]),
        entries=(*raw["evidence"], *_ALSO_ENTRIES.get(raw["id"], ())),
        verified=verified,
        limits_not_read=_LIMITS_NOT_READ.get(raw["id"], ()),
    )


def _condition(raw: Any) -> Condition:
    """A condition as the file writes it: a named context, or one table."""
    if isinstance(raw, str):
        return Default(raw.removeprefix("default:").strip()) if raw.startswith("default") else Context(raw)
    if "var" in raw:
        return _criterion(raw["var"], raw["op"], raw.get("value"))
    if "score" in raw:
        limits = tuple((name, float(limit)) for name, limit in raw.get("group_limits", {}).items())
        return Score(raw["score"], tuple(_term(term) for term in raw["terms"]), limits)
    for word, kind in (("all", AllOf), ("any", AnyOf)):
        if word in raw:
            return kind(tuple(_condition(part) for part in raw[word]))
    return CountOf(tuple(_condition(part) for part in raw["count"]), raw["op"], raw["value"])


def _term(raw: Mapping[str, Any]) -> ScoreTerm:
    is_tested = "value" in raw
    return ScoreTerm(
        criterion=_criterion(raw["var"], raw.get("op", "=="), raw["value"]) if is_tested else None,
        variable=raw["var"],
        points=raw["points"],
        else_points=raw.get("else_points", 0),
        or_criterion=_criterion(raw["or_var"], raw["or_op"], raw["or_value"]) if "or_var" in raw else None,
        group=raw.get("group"),
    )


def _criterion(variable: str, operator: str, value: Any) -> Criterion:
    if variable not in variables():
        raise InputError(f"a rule asks for {variable!r}, which is not among the variables of rules.yaml: mend the file")
    return Criterion(variable, operator, value)


def _frozen(raw: Any) -> Any:
    """Tables as tuples of pairs and lists as tuples, so that a rule can be neither changed nor left unequal."""
    if isinstance(raw, dict):
        return tuple((str(key), _frozen(value)) for key, value in raw.items())
    return tuple(_frozen(value) for value in raw) if isinstance(raw, list) else raw
