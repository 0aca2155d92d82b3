"""The rules as tables that a clinician can check: read by the tests, and printed as docs/rules.md.

Run as `python -m tools.spec_tables` to write the page anew.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from spondyl.decisions import Fact, Interval
from spondyl.decisions.questions import QUESTIONS, in_words
from spondyl.evidence import (
    AllOf,
    AnyOf,
    Condition,
    Context,
    CountOf,
    Criterion,
    Default,
    PublishedRule,
    Score,
    find_entry,
    rule_domains,
    rules_of,
)

ROOT = Path(__file__).resolve().parents[1]
FOLDER, PAGE = ROOT / "tests" / "spec", ROOT / "docs" / "rules.md"


@dataclass(frozen=True)
class SpecCase:
    """One row: what is known, and what the rule answers."""

    words: str
    facts: tuple[tuple[str, Fact | None], ...]
    cells: tuple[str, ...]
    answer: str


@dataclass(frozen=True)
class SpecTable:
    """All cases of one rule."""

    rule_id: str
    variables: tuple[str, ...]
    cases: tuple[SpecCase, ...]


def spec_tables() -> tuple[SpecTable, ...]:
    """The tables of tests/spec, in the order of their files."""
    return tuple(table for path in sorted(FOLDER.glob("*.txt")) for table in tables_in(path.read_text("utf-8")))


def score_tables() -> tuple[SpecTable, ...]:
    """The tables of tests/spec/scores: their answers are points, "3..5" where facts are missing."""
    paths = sorted((FOLDER / "scores").glob("*.txt"))
    return tuple(table for path in paths for table in tables_in(path.read_text("utf-8")))


def tables_in(text: str) -> Iterator[SpecTable]:
    """The tables of one file."""
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    for block in "\n".join(lines).strip().split("\n\n"):
        head, *rows = block.strip().split("\n")
        rule_id, *variables = re.split(r"\s{2,}", head.split("|")[0].strip())
        yield SpecTable(rule_id, tuple(variables), tuple(_case(row, variables) for row in rows))


def _case(row: str, variables: list[str]) -> SpecCase:
    known, answer = row.split("|")
    words, *cells = re.split(r"\s{2,}", known.strip())
    if len(cells) != len(variables):
        raise ValueError(f"{len(cells)} facts for {len(variables)} columns in the row {row!r}")
    facts = tuple((name, _fact(cell)) for name, cell in zip(variables, cells, strict=True))
    return SpecCase(words, facts, tuple(cells), answer.strip())


def _fact(cell: str) -> Fact | None:
    if cell in ("yes", "no"):
        return cell == "yes"
    if cell == "-":
        return None
    if ".." in cell:
        low, high = cell.split("..")
        return Interval(float(low), float(high) if high else None)
    return float(cell) if re.fullmatch(r"-?\d+(\.\d+)?", cell) else cell


def page() -> str:
    """docs/rules.md."""
    tables = {table.rule_id: table for table in (*spec_tables(), *score_tables())}
    lines = [
        "# Rules",
        "",
        "Made by `python -m tools.spec_tables` from the evidence data and from the tables in `tests/spec`, which the",
        "tests run. A rule is one source's position; rules are never merged. A rule that nobody verified is asked and",
        'shows no figure. "-": nobody asked; "3..": at least 3.',
    ]
    for domain in rule_domains():
        lines += ["", f"## {domain.replace('_', ' ').capitalize()}"]
        for rule in rules_of(domain):
            lines += ["", *_rule(rule), *_table(rule, tables.get(rule.rule_id))]
    return "\n".join([*lines, *_vignettes()]) + "\n"


def _vignettes() -> Iterator[str]:
    """The people of tests/spec/vignettes.toml with what each source says of them."""
    yield from ("", "## People", "")
    yield "Made from the criteria of trials, the scenarios of guidelines and panels, and published case reports, of"
    yield "which the abstract was read. The tests ask each source for its answer; what is not listed was not asked."
    yield from ("", "| person | source | first | met | not met | not known |", "|---|---|---|---|---|---|")
    for one in tomllib.loads((FOLDER / "vignettes.toml").read_text("utf-8"))["vignette"]:
        cells = (", ".join(one.get(key, ())) or "-" for key in ("first", "met", "not_met", "unknown"))
        yield f"| {one['name']} | {one['report'] if 'report' in one else one['source']} | {' | '.join(cells)} |"


def _rule(rule: PublishedRule) -> Iterator[str]:
    yield f"### {rule.rule_id}"
    yield ""
    yield f"- Speaks when: {condition_words(rule.when, rule.verified, rule.limits_not_read)}"
    if rule.requires:
        yield f"- Requires: {rule.requires}"
    if rule.verified:
        said = "; ".join(f"{key.replace('_', ' ')}: {_plain(value)}" for key, value in rule.then)
        yield f"- Says: {said}"
    else:
        yield "- Says: not shown, since no verified source stands behind it in this version"
    if rule.strength:
        yield f"- Strength, as the source grades it: {rule.strength}"
    if rule.note:
        yield f"- Note: {rule.note}"
    entries = (
        ", ".join(f"{key}{'' if find_entry(key).verified else ' (not verified)'}" for key in rule.entries) or "none"
    )
    yield f"- Entries: {entries}. Sources: {', '.join(rule.sources)}"


def condition_words(condition: Condition, verified: bool, hidden: Collection[str] = ()) -> str:
    """A condition in words; the limits of hidden variables are not shown."""
    match condition:
        case Criterion():
            if condition.variable in QUESTIONS:
                return in_words(condition, verified=verified and condition.variable not in hidden)
            shown = verified and condition.variable not in hidden
            value = f" {_plain(condition.value)}" if shown else " (not shown)"
            words = f"{condition.variable.replace('_', ' ')} {condition.operator}"
            return words if condition.value is None else words + value
        case AllOf(parts):
            return " and ".join(_inner(part, verified, hidden) for part in parts)
        case AnyOf(parts):
            return " or ".join(_inner(part, verified, hidden) for part in parts)
        case CountOf(parts, operator, value):
            told = "; ".join(condition_words(part, verified, hidden) for part in parts)
            return f"{operator} {value:g} of ({told})"
        case Context(name):
            return name.replace("_", " ")
        case Default(words):
            return words
        case Score(name, terms, _):
            asked = ", ".join(term.variable.replace("_", " ") for term in terms)
            return f"the score {name.replace('_', ' ')} of {asked}"


def _inner(condition: Condition, verified: bool, hidden: Collection[str]) -> str:
    words = condition_words(condition, verified, hidden)
    return f"({words})" if isinstance(condition, AllOf | AnyOf) else words


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        inner = (f"{each[0]} {_plain(each[1])}" if _is_pair(each) else _plain(each) for each in value)
        return ", ".join(inner)
    return ("yes" if value else "no") if isinstance(value, bool) else str(value).replace("_", " ")


def _is_pair(each: object) -> bool:
    return isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], str)


def _table(rule: PublishedRule, table: SpecTable | None) -> Iterator[str]:
    """The cases of a rule; numbers near a limit that is not shown would give it away, and are not shown either."""
    if table is None:
        return
    hidden = rule.limits_not_read if rule.verified else table.variables
    yield ""
    yield f"| case | {' | '.join(name.replace('_', ' ') for name in table.variables)} | answer |"
    yield f"|{'---|' * (len(table.variables) + 2)}"
    for case in table.cases:
        cells = (
            "not shown" if name in hidden and re.search(r"\d", cell) else cell
            for name, cell in zip(table.variables, case.cells, strict=True)
        )
        yield f"| {case.words} | {' | '.join(cells)} | {case.answer} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
