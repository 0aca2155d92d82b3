"""What a decision stage gives: positions side by side, each with its reasons. Never one verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from spondyl.decisions.answer import Answer
from spondyl.spine import Level


class Stance(StrEnum):
    """Which way a position points where it applies."""

    FOR = "for"  # augmentation is an option or appropriate
    AGAINST = "against"  # it is not, or something else comes first
    TRIAL = "trial"  # a trial would have taken this patient, so its result speaks of such patients


@dataclass(frozen=True)
class Reason:
    """One question behind an answer."""

    variable: str
    words: str  # what the source asks for: "worst pain at least 7 (NRS/VAS 0-10)"
    answer: Answer  # met, not met, unknown
    origin: str | None  # "record", "CT, L1"; None: not known


@dataclass(frozen=True)
class Position:
    """Where one guideline or trial stands on this patient.

    A position that is switched off or not verified says nothing of its own (`words` is None); its answer then never
    reassures.
    """

    key: str  # of the rule or trial
    who: str  # guideline, panel or trial
    stance: Stance
    applies: Answer
    words: str | None  # what it says where it applies
    reasons: tuple[Reason, ...]
    strength: str | None
    note: str | None
    sources: tuple[str, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True)
class Concern:
    """A contraindication or a reason to send the patient elsewhere first."""

    key: str  # of the rule
    answer: Answer  # YES: present; NO: asked and absent
    level: str  # absolute, relative, correct_first ...: as the rule grades it
    urgent: bool  # not for this path: another one first
    words: str
    reasons: tuple[Reason, ...]
    verified: bool
    sources: tuple[str, ...]
    entries: tuple[str, ...]


@dataclass(frozen=True)
class Aspect:
    """One thing of this patient's own findings or simulations that bears on how a fracture would be treated."""

    topic: str  # height, leak, cleft, retropulsion, age, tumour, simulation
    answer: Answer | None  # whether it is there; None: a figure, neither yes nor no
    words: str
    origin: str | None


@dataclass(frozen=True)
class Standpoint:
    """What one source says where sources do not agree."""

    source: str
    words: str
    entry: str  # that it rests on
    applies: Answer | None  # whether the conditions that were read of it hold here; None: none were read


@dataclass(frozen=True)
class ShownDisagreement:
    """Sources that do not agree on something, side by side."""

    key: str
    topic: str
    bites: Answer  # whether they answer this record differently
    why: str  # it bites, does not, or is not known to
    positions: tuple[Standpoint, ...]
    hidden: tuple[str, ...]  # sources whose position was not verified in this version
    presentation: str


@dataclass(frozen=True)
class OpenQuestion:
    """A fact that nobody gave and that could change an answer."""

    variable: str
    text: str
    changes: tuple[str, ...]  # who would answer differently: keys of positions and concerns
    facts: tuple[str, ...]  # where the record holds it


@dataclass(frozen=True)
class Recommendation:
    """Positions on augmentation for one patient. A clinician decides and signs.

    `no_contraindication_found` is YES only where every contraindication was asked and absent; it is not candidacy.
    """

    levels: tuple[Level, ...]  # fractured levels that it is about; (): the record names none
    urgent: tuple[Concern, ...]  # present or not excluded; "not for this path" comes first
    contraindications: tuple[Concern, ...]
    no_contraindication_found: Answer
    positions: tuple[Position, ...]
    choices: tuple[Position, ...]  # vertebroplasty, kyphoplasty, neither, by source
    aspects: tuple[Aspect, ...]
    disagreements: tuple[ShownDisagreement, ...]
    team: tuple[Position, ...]  # who should be at the table
    questions: tuple[OpenQuestion, ...]  # those that could change most come first
    switched_off: tuple[str, ...]
