"""What the patient's booklet is made of: this patient's own facts and numbers, and the figures with their sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from markupsafe import Markup

from spondyl.decisions import Answer, Recommendation
from spondyl.documents.icon_arrays import PEOPLE
from spondyl.documents.tables import deformed_levels, find
from spondyl.errors import InputError
from spondyl.evidence import EvidenceValue, find_entry, find_source
from spondyl.findings import Findings, Status
from spondyl.followup import SYMPTOMS, CheckIn, Urgency, question_text, triage
from spondyl.spine import Level
from spondyl.studies import Patient

UNVERIFIED_FIGURE = "the booklet shows no figure that was not verified"


@dataclass(frozen=True)
class LostHeight:
    """How much of its height one bone has lost, in percent; None: not measured."""

    level: str
    loss: float | None
    low: float | None
    high: float | None


class Citations:
    """The sources in the order in which the booklet names them; it grows while a page is made, so it is no record."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def cite(self, *entry_ids: str) -> Markup:
        """Numbers of the sources behind these evidence entries, as links."""
        return Markup("").join(self._link(entry_id) for entry_id in entry_ids)

    def _link(self, entry_id: str) -> Markup:
        entry = find_entry(entry_id)
        if not entry.verified:
            raise InputError(f"evidence entry {entry_id} is not verified: {UNVERIFIED_FIGURE}")
        if entry.source not in self.keys:
            self.keys.append(entry.source)
        number = self.keys.index(entry.source) + 1
        return Markup(' <a class="cite" href="#source-{0}">[{0}]</a>').format(number)

    @property
    def sources(self) -> list[str]:
        """One line for each source that was named, in order."""
        return [find_source(key).cite for key in self.keys]


def figure(entry_id: str, name: str) -> EvidenceValue:
    """A verified figure; one that nobody verified is an `InputError`."""
    return find_entry(entry_id).figure(name)


def value(entry_id: str, name: str) -> float:
    """The one number of a verified figure."""
    found = figure(entry_id, name).value
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise InputError(f"figure {name} of evidence entry {entry_id} is no single number: {UNVERIFIED_FIGURE}")
    return float(found)


def people(entry_id: str, name: str) -> int:
    """How many of PEOPLE a verified percentage is."""
    return round(value(entry_id, name) / 100 * PEOPLE)


def broken_levels(patient: Patient) -> tuple[str, ...]:
    """The bones that the record calls broken; none where it says nothing."""
    return patient.fracture_levels or ()


def lost_heights(findings: Findings) -> tuple[LostHeight, ...]:
    """The bones whose shape is changed on the CT, with their measured loss."""
    return tuple(_lost_height(findings, level) for level in deformed_levels(findings))


def _lost_height(findings: Findings, level: Level) -> LostHeight:
    found = find(findings, "height_loss", level)
    if found is None or found.status is Status.NOT_EVALUABLE or not isinstance(found.value, int | float):
        return LostHeight(level.name, None, None, None)
    return LostHeight(level.name, float(found.value), found.low, found.high)


def first_things(advice: Recommendation | None) -> tuple[str, ...]:
    """What comes before any cement: infection, nerves, stability, or other; each once."""
    if advice is None:
        return ()
    return tuple(dict.fromkeys(_FIRST.get(one.key, "other") for one in advice.urgent if one.answer is Answer.YES))


_FIRST: Mapping[str, str] = MappingProxyType(
    {
        "pc-surgery-neuro": "nerves",
        "ctr-myelopathy": "nerves",
        "ctr-infection-local": "infection",
        "ctr-infection-systemic": "infection",
        "ctr-unstable": "stability",
        "pc-sins": "stability",
    }
)


def symptoms_by_urgency() -> Mapping[Urgency, tuple[str, ...]]:
    """The questions on symptoms by what triage says of each alone, on the first day after the procedure."""
    by_urgency: dict[Urgency, tuple[str, ...]] = {}
    for name in SYMPTOMS:
        urgency = triage(_only(name)).urgency
        by_urgency[urgency] = (*by_urgency.get(urgency, ()), question_text(name))
    return MappingProxyType(by_urgency)


def _only(symptom: str) -> CheckIn:
    """A check-in in which everything was asked and one symptom is there."""
    said = {name: name == symptom for name in SYMPTOMS}
    return CheckIn(days_after=1, pain_nrs=0, temperature_c=36.5, known_cancer=False, other="", **said)


TEMPLATE_FUNCTIONS: Mapping[str, Callable[..., object]] = MappingProxyType(
    {"figure": figure, "value": value, "people": people}
)
