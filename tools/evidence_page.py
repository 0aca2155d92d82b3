"""docs/evidence.md and docs/claims.md, made from the packaged evidence.

Run as `python -m tools.evidence_page`. What nobody verified is listed by its id, topic and source, without statement or
figure; a verdict on a claim whose words hold a figure that stands in no verified entry is shown without those words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spondyl.evidence import EvidenceEntry, Source, entry_ids, find_entry, find_source
from spondyl.evidence.copies import packaged_bytes, packaged_yaml

DOCS = Path(__file__).resolve().parents[1] / "docs"
EVIDENCE, CLAIMS = DOCS / "evidence.md", DOCS / "claims.md"
_ROW = re.compile(r"^\| (\d+\.\d) \| (.*?) \| \*\*(.*?)\*\*(.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Claim:
    """One thing that the popular brochure says, and what the evidence base holds of it."""

    number: str
    words: str
    verdict: str
    literature: str
    entries: tuple[EvidenceEntry, ...]

    @property
    def shown(self) -> str:
        """What the literature says, where each of its figures stands in a verified entry; else ""."""
        texts = " ".join(_text(entry) for entry in self.entries if entry.verified)
        return self.literature if _numbers(self.literature) <= _numbers(texts) else ""


def claims() -> tuple[Claim, ...]:
    """The claims, in the order of the article."""
    readme = packaged_bytes("evidence/README.md").decode("utf-8")
    by_claim: dict[str, list[EvidenceEntry]] = {}
    for raw in packaged_yaml("evidence/evidence.yaml"):
        for number in raw.get("seed_claims") or ():
            by_claim.setdefault(str(number), []).append(find_entry(raw["id"]))
    return tuple(
        Claim(number, words, f"{verdict}{more}", literature, tuple(by_claim.get(number, ())))
        for number, words, verdict, more, literature, _ in _ROW.findall(readme)
    )


def evidence_page() -> str:
    """docs/evidence.md."""
    entries = [find_entry(entry_id) for entry_id in entry_ids()]
    verified = sum(entry.verified for entry in entries)
    lines = [
        "# Evidence",
        "",
        "Made by `python -m tools.evidence_page` from the packaged evidence. Verified: the figures were read in the",
        f"text behind the source. Of {len(entries)} entries {verified} are verified; of the others neither statement",
        "nor figure is shown, here or anywhere in the program.",
    ]
    for topic in dict.fromkeys(entry.topic for entry in entries):
        lines += ["", f"## {topic.replace('_', ' ').capitalize()}"]
        for entry in entries:
            if entry.topic == topic:
                lines += ["", *_entry(entry)]
    return "\n".join(lines) + "\n"


def claims_page() -> str:
    """docs/claims.md."""
    lines = [
        "# What the brochure says, and what evidence says",
        "",
        "Made by `python -m tools.evidence_page`. Each claim of a popular article on vertebroplasty and kyphoplasty,",
        "the verdict of the evidence base, and the verified entries behind it. A verdict without words rests in part",
        "on a figure that nobody verified in this version.",
    ]
    for claim in claims():
        lines += [
            "",
            f"## {claim.number} {claim.words}",
            "",
            f"**{_sentence(claim.verdict)}.** {claim.shown}".rstrip(),
            "",
        ]
        lines += [f"- {entry.statement} ({_link(entry)})" for entry in claim.entries if entry.verified]
        if hidden := [entry.entry_id for entry in claim.entries if not entry.verified]:
            lines.append(f"- Not shown, since not verified: {', '.join(hidden)}.")
    return "\n".join(lines) + "\n"


def _entry(entry: EvidenceEntry) -> Iterator[str]:
    source = find_source(entry.source)
    yield f"### {entry.entry_id}"
    yield ""
    if entry.statement is None:
        yield f"Not shown: not verified in this version. Population: {entry.population}. Source: {_cite(source)}"
        return
    yield entry.statement
    yield ""
    yield f"- Population: {entry.population}"
    if entry.strength:
        yield f"- Strength, as the source grades it: {entry.strength}"
    if entry.note:
        yield f"- Note: {entry.note}"
    yield f"- Source: {_cite(source)}"


def _cite(source: Source) -> str:
    doubt = "" if source.identifiers_seen else " (identifiers or authors cited from general knowledge)"
    where = f" <{source.url}>" if source.url else f" doi:{source.doi}" if source.doi else ""
    return f"{source.key}: {source.cite}.{where}{doubt}"


def _link(entry: EvidenceEntry) -> str:
    return f"[{entry.entry_id}](evidence.md#{entry.entry_id}), {entry.source}"


def _text(entry: EvidenceEntry) -> str:
    return f"{entry.statement} {entry.note} {entry.population} {[value.value for value in entry.values]}"


def _numbers(text: str) -> set[str]:
    return {
        number.rstrip("0").rstrip(".") if "." in number else number for number in re.findall(r"\d+(?:\.\d+)?", text)
    }


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


if __name__ == "__main__":
    EVIDENCE.write_text(evidence_page(), "utf-8")
    CLAIMS.write_text(claims_page(), "utf-8")
