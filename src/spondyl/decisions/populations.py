"""Whom the trials took, as far as their criteria were read, and what they found in them.

A limit stands in the text of the entry named beside it (a test looks it up there); months are counted as 30 days.
Trials whose result was not verified in this version are left out and listed in `NOT_VERIFIED`.
"""

from __future__ import annotations

from dataclasses import dataclass

from spondyl.evidence import AllOf, Condition, Criterion, find_entry

_THREE_MONTHS = 90 / 7  # weeks
_TWELVE_MONTHS = 360 / 7


@dataclass(frozen=True)
class Population:
    """The people a trial took."""

    key: str
    trial: str
    design: str  # how it was controlled, which decides what its result can show
    condition: Condition
    criteria_entry: str  # where the criteria were read
    result_entries: tuple[str, ...]
    note: str

    @property
    def entries(self) -> tuple[str, ...]:
        """All entries that it rests on."""
        return tuple(dict.fromkeys((self.criteria_entry, *self.result_entries)))

    @property
    def result(self) -> str | None:
        """What was found, in the words of the evidence base; None where that was not verified."""
        statements = [find_entry(key).statement for key in self.result_entries]
        return " ".join(each for each in statements if each is not None) or None

    @property
    def source(self) -> str:
        """Key of the source of the result."""
        return find_entry(self.result_entries[0]).source


def _all(*criteria: tuple[str, str, str | float | bool]) -> AllOf:
    return AllOf(tuple(Criterion(*criterion) for criterion in criteria))


_SHAM = "sham-controlled: shows what the procedure itself adds"
_OPEN = "open-label: natural recovery apart, it includes what expecting a procedure does"
_HEAD = "vertebroplasty against kyphoplasty"

POPULATIONS = (
    Population(
        "trial-vapour",
        "VAPOUR",
        _SHAM,
        _all(
            ("pain_score", ">=", 7),
            ("fracture_age_weeks", "<", 6),
            ("age", ">", 60),
            ("aetiology", "==", "osteoporotic"),
        ),
        "out-vapour-primary",
        ("out-vapour-primary",),
        "Further criteria were not read.",
    ),
    Population(
        "trial-vertos4",
        "VERTOS IV",
        _SHAM,
        _all(("fracture_age_weeks", "<=", 9), ("aetiology", "==", "osteoporotic")),
        "out-vertos4",
        ("out-vertos4",),
        "Further criteria were not read. The control was local anaesthetic to the periosteum, possibly active.",
    ),
    Population(
        "trial-invest",
        "INVEST",
        _SHAM,
        _all(("pain_score", ">=", 3), ("fracture_age_weeks", "<", _TWELVE_MONTHS), ("aetiology", "==", "osteoporotic")),
        "ind-sham-compare",
        ("out-invest-1m", "out-invest-12m"),
        "Further criteria were not read. Many in the control group changed over.",
    ),
    Population(
        "trial-vertos5",
        "VERTOS V",
        "active control in old fractures",
        _all(
            ("fracture_age_weeks", ">", _THREE_MONTHS),
            ("imaging_positive", "==", True),
            ("aetiology", "==", "osteoporotic"),
        ),
        "out-vertos5",
        ("out-vertos5",),
        "Further criteria were not read.",
    ),
    Population(
        "trial-vertos2",
        "VERTOS II",
        _OPEN,
        _all(
            ("fracture_age_weeks", "<=", 6),
            ("pain_score", ">=", 5),
            ("exam_concordant", "==", True),
            ("height_loss_percent", ">=", 15),
            ("imaging_positive", "==", True),
            ("t_score", "<=", -1),
            ("aetiology", "==", "osteoporotic"),
            ("neuro_deficit", "==", False),
            ("infection_local", "==", False),
            ("infection_systemic", "==", False),
        ),
        "ind-open-trial-exclusions",
        ("out-vertos2-screen",),
        "Severe heart or lung disease and untreatable coagulopathy were excluded as well. The effect that was "
        "published was not verified in this version and is not shown.",
    ),
    Population(
        "trial-blasco",
        "Blasco 2012",
        _OPEN,
        _all(
            ("fracture_age_weeks", "<", _TWELVE_MONTHS),
            ("imaging_positive", "==", True),
            ("pain_score", ">=", 4),
            ("aetiology", "==", "osteoporotic"),
            ("canal_stenosis", "==", False),
        ),
        "ind-blasco-exclusions",
        ("out-blasco",),
        "Untreatable coagulopathy, infection, fibromyalgia, spondyloarthropathy and dementia were excluded as well.",
    ),
    Population(
        "trial-rousing",
        "Rousing 2009",
        _OPEN,
        _all(("fracture_age_weeks", "<", 8), ("aetiology", "==", "osteoporotic")),
        "out-rousing",
        ("out-rousing",),
        "Further criteria were not read.",
    ),
    Population(
        "trial-free",
        "FREE",
        _OPEN,
        _all(("fracture_age_weeks", "<", _THREE_MONTHS), ("asymptomatic", "==", False)),
        "out-free-pcs",
        ("out-free-pcs", "out-free-24m"),
        "Kyphoplasty of one to three fractures; further criteria were not read.",
    ),
    Population(
        "trial-cafe",
        "CAFE",
        _OPEN,
        _all(("aetiology", "==", "neoplastic"), ("asymptomatic", "==", False)),
        "out-cafe",
        ("out-cafe",),
        "Kyphoplasty of one to three painful fractures in people with cancer; further criteria were not read.",
    ),
    Population(
        "trial-kaviar",
        "KAVIAR",
        _HEAD,
        _all(("aetiology", "==", "osteoporotic"), ("asymptomatic", "==", False)),
        "pc-rct-equiv",
        ("pc-rct-equiv",),
        "Further criteria were not read; the trial was stopped early.",
    ),
)
NOT_VERIFIED = ("Buchbinder 2009", "Chen 2014", "Cochrane 2018")
