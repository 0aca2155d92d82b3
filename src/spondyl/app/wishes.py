"""Which levels of a case are planned and why, and their plans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spondyl.documents.tables import deformed_levels, joined
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.planning import Plan, plan_augmentation
from spondyl.spine import Level, Spine
from spondyl.studies import Patient


@dataclass(frozen=True)
class AccessWish:
    """What is to be planned, as it stands in run.json."""

    levels: tuple[str, ...]
    why: tuple[str, ...]
    needle: tuple[tuple[str, Any], ...] = ()  # options of `plan_augmentation`: those of `spondyl access`
    by: str = "plan"  # the command that asked

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> AccessWish:
        """The wish that a record of run.json holds."""
        needle = tuple((str(name), value) for name, value in parameters["needle"])
        return cls(tuple(parameters["levels"]), tuple(parameters["why"]), needle, parameters["by"])

    @property
    def parameters(self) -> dict[str, Any]:
        """For run.json: lists, as JSON has no tuples."""
        return asdict(self) | {
            "levels": list(self.levels), "why": list(self.why), "needle": [list(pair) for pair in self.needle]
        }  # fmt: skip


def asked_wish(levels: Iterable[Level], by: str = "plan", **needle: Any) -> AccessWish:
    """The levels that were named on the command line, from head to foot."""
    names = _from_head(levels)
    return AccessWish(names, (f"Planned because asked for: {joined(names)}.",), tuple(sorted(needle.items())), by)


def found_wish(spine: Spine, findings: Findings, patient: Patient) -> AccessWish:
    """The levels that the record calls fractured; where it names none, those with a deformity of any grade."""
    named = [Level.parse(name) for name in patient.fracture_levels or ()]
    wanted = named or list(deformed_levels(findings))
    reason = (
        "the record calls them fractured" if named else "they are deformed; whether the fracture is fresh is not said"
    )
    usable = [level for level in wanted if level in spine.levels and level.is_intended]
    left_out = [level for level in wanted if level not in usable]
    why = [f"Planned because {reason}: {joined(_from_head(usable))}."] if usable else []
    if left_out:
        why.append(f"Not planned: {joined(_from_head(left_out))} (outside T5 to L5, or not in the label image).")
    if not wanted:
        why.append("No level was planned: none is deformed or called fractured. Name one with --level.")
    return AccessWish(_from_head(usable), tuple(why))


def make_plans(spine: Spine, wish: AccessWish) -> tuple[tuple[Plan, ...], list[str]]:
    """The plans of these levels, and a sentence for each level that cannot be planned.

    A level that `spondyl access` asked for must be planned: there, what is in the way is an error.
    """
    plans, remarks = [], []
    for name in wish.levels:
        try:
            plans.append(plan_augmentation(spine, name, **dict(wish.needle)))
        except InputError as error:
            if wish.by == "access" or Level.parse(name) not in spine.levels:
                raise
            remarks.append(f"{name} was not planned: {error}")
    return tuple(plans), remarks


def _from_head(levels: Iterable[Level]) -> tuple[str, ...]:
    ordered: Sequence[Level] = sorted(set(levels), key=lambda level: level.order)
    return tuple(level.name for level in ordered)
