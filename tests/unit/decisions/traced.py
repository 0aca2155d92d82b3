"""Every number that a statement shows stands in a verified entry behind it."""

import re

from spondyl.decisions import Statement
from spondyl.evidence import find_entry

NUMBER = re.compile(r"\d+(?:\.\d+)?")
NAMES = re.compile(r"25-OH|x10\^9/L|[A-Z]\w*-?\d+\b|\b[TL]\d{1,2}\b")  # names with a digit are no figures


def numbers_in(words: str | None) -> set[float]:
    return {float(number) for number in NUMBER.findall(NAMES.sub("", words or ""))}


SPELLED = {"two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0, "six": 6.0, "seven": 7.0, "eight": 8.0, "ten": 10.0}


def spelled_in(words: str | None) -> set[float]:
    return {SPELLED[word] for word in re.findall(r"[a-z]+", (words or "").lower()) if word in SPELLED}


def figures_of(entry_id: str) -> set[float]:
    """All numbers that the entry holds: its words, its population, its figures and their names."""
    entry = find_entry(entry_id)
    assert entry.verified, entry_id
    found = numbers_in(entry.statement) | numbers_in(entry.population) | numbers_in(entry.note)
    found |= spelled_in(entry.statement)
    for value in entry.values:
        found |= {float(x) for x in (value.low, value.high, value.ci_low, value.ci_high, value.sd) if x is not None}
        found |= numbers_in(str(value.value)) | numbers_in(value.name.replace("_", " "))
    return found


def untraced(one: Statement, recorded: set[float]) -> set[float]:
    """Numbers of a statement that neither an entry nor the record holds; of one that says nothing, any number."""
    if one.words is None:
        shown = " ".join(filter(None, (one.note, one.strength, *(reason.words for reason in one.reasons))))
        return numbers_in(shown) - recorded
    known = set().union(*(figures_of(entry) for entry in one.entries)) if one.entries else set()
    return numbers_in(f"{one.words} {one.note or ''}") - known
