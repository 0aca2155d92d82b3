"""What two label maps have in common: its words, its JSON document, and a page for people who ask whom to trust."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from spondyl import __version__
from spondyl.documents.base import Document, to_json
from spondyl.documents.figures_agreement import draw_outlines
from spondyl.documents.models import FindingModel, LevelName
from spondyl.documents.pages import render
from spondyl.documents.tables import Table, find, joined, level_ranges, level_text, number
from spondyl.findings import NOT_ACCURACY, Agreement, BoneMatch, Finding, MatchKind, Status, bone_text, name_steps
from spondyl.spine import Level, Spine
from spondyl.studies import whole_folder, write_whole

PAGE_FILE, JSON_FILE = "agreement.html", "agreement.json"
_TEMPLATE = "agreement.html.j2"
_SINGLE = (MatchKind.SAME, MatchKind.RENAMED, MatchKind.APART)
_HEIGHTS = tuple(f"{site}_height_difference" for site in ("anterior", "middle", "posterior"))
_KIND_WORDS = {
    MatchKind.ONLY_FIRST: "Only in the first label map: {}.",
    MatchKind.ONLY_SECOND: "Only in the second label map: {}.",
    MatchKind.MERGED: "MERGED: several bones of the first are one in the second: {}.",
    MatchKind.SPLIT: "SPLIT: one bone of the first is several in the second: {}.",
    MatchKind.MIXED: "The borders between these bones lie elsewhere in the second label map: {}.",
    MatchKind.APART: "One name, but less than half of either mask in common: {}.",
}
_STATE_WORDS = {
    MatchKind.SAME: "",
    MatchKind.RENAMED: "other name",
    MatchKind.APART: "less than half in common",
    MatchKind.ONLY_FIRST: "only in the first",
    MatchKind.ONLY_SECOND: "only in the second",
    MatchKind.MERGED: "merged in the second",
    MatchKind.SPLIT: "split in the second",
    MatchKind.MIXED: "borders elsewhere",
}


class BoneMatchModel(Document):
    """Bones of both label maps that belong together, by their names in each."""

    kind: MatchKind
    first: tuple[LevelName, ...]
    second: tuple[LevelName, ...]
    is_cut: bool


class AgreementDocument(Document):
    """How well two label maps agree. Agreement, not accuracy."""

    schema_: Literal["spondyl.agreement/1"] = "spondyl.agreement/1"
    not_accuracy: str  # what the numbers cannot say
    summary: tuple[str, ...]
    name_shift: int | None  # levels by which all names differ, + towards the feet; null: no single number fits
    is_mirrored: bool
    bones: tuple[BoneMatchModel, ...]  # from head to foot
    findings: tuple[FindingModel, ...]

    @classmethod
    def of(cls, agreement: Agreement) -> AgreementDocument:
        """The document of an agreement."""
        return cls(
            not_accuracy=NOT_ACCURACY,
            summary=agreement_sentences(agreement),
            name_shift=agreement.name_shift,
            is_mirrored=agreement.is_mirrored,
            bones=tuple(BoneMatchModel.model_validate(bone) for bone in agreement.bones),
            findings=tuple(FindingModel.model_validate(finding) for finding in agreement.findings),
        )


@dataclass(frozen=True)
class MapFile:
    """One of the two label maps as it was given, for the page."""

    name: str  # of the file
    label_map: str | None
    hashes: tuple[tuple[str, str], ...]


def agreement_sentences(agreement: Agreement) -> tuple[str, ...]:
    """What a reader must know, the gravest first."""
    return (*_name_sentences(agreement), *_bone_sentences(agreement.bones), *_number_sentences(agreement))


def write_agreement(
    folder: Path | str, agreement: Agreement, first: Spine, second: Spine, files: tuple[MapFile, MapFile]
) -> tuple[str, ...]:
    """Write agreement.html (one offline file) and agreement.json into a new folder; gives their names."""
    content = _content(agreement, first, second, files)
    with whole_folder(Path(folder)) as place:
        write_whole(place / PAGE_FILE, render(_TEMPLATE, content, for_print=False).encode())
        write_whole(place / JSON_FILE, to_json(AgreementDocument.of(agreement)).encode())
    return PAGE_FILE, JSON_FILE


def _content(agreement: Agreement, first: Spine, second: Spine, files: tuple[MapFile, MapFile]) -> dict[str, Any]:
    study = first.study
    described = "" if study is None else study.scan.series_description or ""
    return {
        "version": __version__,
        "virtual": "virtual" in described.lower(),
        "not_accuracy": NOT_ACCURACY,
        "sentences": agreement_sentences(agreement),
        "picture": draw_outlines(first, second, agreement.bones, masks_table(agreement)),
        "masks": masks_table(agreement),
        "distances": _distances_table(agreement),
        "heights": _heights_table(agreement),
        "whole": [f for f in agreement.findings if f.level is None],
        "files": files,
        "has_ct": first.ct is not None,
        "notes": [*(f"First: {note}" for note in first.notes), *(f"Second: {note}" for note in second.notes)],
        "value": _whole_text,
    }


def _name_sentences(agreement: Agreement) -> Iterable[str]:
    shift = agreement.name_shift
    renamed = [bone for bone in agreement.bones if bone.kind is MatchKind.RENAMED]
    if agreement.is_mirrored:
        yield "LEFT AND RIGHT: the second label map fits clearly better mirrored. Check which of the two is mirrored."
    if shift:
        steps, where = abs(shift), "feet" if shift > 0 else "head"
        count = "one level" if steps == 1 else f"{steps} levels"
        yield (
            f"NAMES: all names of the second label map lie {count} further towards the {where} "
            f"({joined(bone_text(bone) for bone in renamed[:1])}, and so on): the same bones, named otherwise. "
            "Which naming is right, ribs and sacrum decide; `spondyl relabel` moves all names at once."
        )
    elif renamed:
        yield f"NAMES: other names in the second label map: {joined(_runs(agreement.bones))}."


def _runs(bones: Sequence[BoneMatch]) -> list[str]:
    """Renamed bones as text; three or more in a row with the same step as one: "T9 to L3 as T8 to L2"."""
    runs: list[list[BoneMatch]] = []
    last: tuple[int, int] | None = None
    for place, bone in enumerate(bones):
        if bone.kind is not MatchKind.RENAMED:
            continue
        step = name_steps(bone, with_t13=any(Level.T13 in b.first + b.second for b in bones))
        if last == (place - 1, step):
            runs[-1].append(bone)
        else:
            runs.append([bone])
        last = place, step
    return [text for run in runs for text in _run_texts(run)]


def _run_texts(run: list[BoneMatch]) -> list[str]:
    if len(run) < 3:
        return [bone_text(bone) for bone in run]
    ends = [[level_text(levels[0]) for levels in (run[end].first, run[end].second)] for end in (0, -1)]
    return [f"{ends[0][0]} to {ends[1][0]} as {ends[0][1]} to {ends[1][1]}"]


def _bone_sentences(bones: Sequence[BoneMatch]) -> Iterable[str]:
    for kind in (MatchKind.MERGED, MatchKind.SPLIT, MatchKind.MIXED, MatchKind.APART):
        yield from _told(kind, [bone_text(bone) for bone in bones if bone.kind is kind])
    for kind in (MatchKind.ONLY_FIRST, MatchKind.ONLY_SECOND):
        levels = [level for bone in bones if bone.kind is kind for level in (*bone.first, *bone.second)]
        yield from _told(kind, [level_ranges(levels)] if levels else [])
    cut = [level for bone in bones if bone.is_cut and bone.kind in _SINGLE for level in bone.first]
    if cut:
        yield f"Cut by the image border, and left out of what follows: {level_ranges(cut)}."


def _told(kind: MatchKind, texts: list[str]) -> Iterable[str]:
    if texts:
        yield _KIND_WORDS[kind].format(joined(texts))


def _number_sentences(agreement: Agreement) -> Iterable[str]:
    kept = _whole_levels(agreement)
    if not kept:
        yield "No vertebra is whole and single in both label maps, so there is nothing to average."
        return
    dice = [_lowest_text(agreement, name, words, kept) for name, words in (("dice", "whole"), ("body_dice", "bodies"))]
    count = "One vertebra is" if len(kept) == 1 else f"{len(kept)} vertebrae are"
    yield f"{count} whole and single in both. Dice: {'; '.join(text for text in dice if text)}."
    heights = [f for f in agreement.findings if f.level in kept and f.name in _HEIGHTS and f.value is not None]
    if not heights:
        yield "No height could be measured in both."
        return
    largest = max(heights, key=lambda f: abs(_value(f)))
    beyond = [f for f in heights if _is_beyond_doubt(f)]
    bias = number(agreement.findings, "mean_height_difference", None) or 0.0
    mean = number(agreement.findings, "mean_absolute_height_difference", None) or 0.0
    yield (
        f"Heights differ by {mean:.1f} mm on average (second minus first {bias:+.1f} mm), at most "
        f"{_value(largest):+.1f} mm ({_site_text(largest)}); {len(beyond)} of {len(heights)} differences exceed the "
        "doubt of both measurements."
    )


def _whole_levels(agreement: Agreement) -> tuple[Level, ...]:
    """What the means run over, by the first map's names."""
    fixed = (Level.SACRUM, Level.COCCYX)
    return tuple(b.first[0] for b in agreement.bones if b.kind in _SINGLE and not b.is_cut and b.first[0] not in fixed)


def _lowest_text(agreement: Agreement, name: str, words: str, kept: tuple[Level, ...]) -> str:
    values = {level: number(agreement.findings, name, level) for level in kept}
    known = {level: value for level, value in values.items() if value is not None}
    if not known:
        return ""
    lowest = min(known, key=lambda level: known[level])
    mean = sum(known.values()) / len(known)
    return f"{words} {mean:.3f} on average, lowest {known[lowest]:.3f} at {level_text(lowest)}"


def _value(finding: Finding) -> float:
    assert isinstance(finding.value, int | float)
    return float(finding.value)


def _is_beyond_doubt(finding: Finding) -> bool:
    return finding.low is not None and finding.high is not None and not finding.low <= 0 <= finding.high


def _site_text(finding: Finding) -> str:
    assert finding.level is not None
    return f"{level_text(finding.level)}, {finding.name.removesuffix('_height_difference')}"


def masks_table(agreement: Agreement) -> Table:
    """Each bone, its names, and how far its masks overlap."""
    rows = []
    for bone in agreement.bones:
        names = [" and ".join(level_text(level) for level in levels) or "–" for levels in (bone.first, bone.second)]
        cells = [_cell(agreement, name, bone, 3) for name in ("dice", "body_dice")]
        rows.append((names[0], names[1], *cells, _state_text(bone)))
    head = ("First map", "Second map", "Dice, whole", "Dice, body", "Note")
    marked = tuple(row[0] for row in rows if row[4])
    return Table("Overlap of each bone", head, tuple(rows), marked=marked)


def _distances_table(agreement: Agreement) -> Table:
    names = (
        "mean_distance_first_to_second",
        "mean_distance_second_to_first",
        "distance_95_first_to_second",
        "distance_95_second_to_first",
        "centre_distance",
    )
    rows = [
        (level_text(bone.first[0]), *(_cell(agreement, name, bone, 1) for name in names))
        for bone in agreement.bones
        if bone.kind in _SINGLE
    ]
    head = ("First map", "Mean, first to second", "Mean, second to first", "95 %, there", "95 %, back", "Centres apart")
    return Table("Distances of the borders [mm], whole vertebrae", head, tuple(rows))


def _heights_table(agreement: Agreement) -> Table:
    rows = []
    for bone in agreement.bones:
        if bone.kind not in _SINGLE:
            continue
        found = [find(agreement.findings, name, bone.first[0]) for name in _HEIGHTS]
        reasons = {f.reason for f in found if f is not None and f.status is Status.NOT_EVALUABLE and f.reason}
        rows.append((level_text(bone.first[0]), *(_difference_text(f) for f in found), "; ".join(sorted(reasons))))
    head = ("First map", "Anterior", "Middle", "Posterior", "Why not")
    return Table("Heights, second minus first [mm], with 95 % intervals", head, tuple(rows))


def _cell(agreement: Agreement, name: str, bone: BoneMatch, places: int) -> str:
    value = number(agreement.findings, name, bone.first[0]) if bone.kind in _SINGLE else None
    return "–" if value is None else f"{value:.{places}f}"


def _state_text(bone: BoneMatch) -> str:
    return "; ".join(text for text in (_STATE_WORDS[bone.kind], "cut by the border" if bone.is_cut else "") if text)


def _difference_text(finding: Finding | None) -> str:
    if finding is None or finding.value is None:
        return "–"
    star = " *" if _is_beyond_doubt(finding) else ""
    return f"{_value(finding):+.1f} ({finding.low:+.1f} to {finding.high:+.1f}){star}"


def _whole_text(finding: Finding) -> str:
    if finding.value is None:
        return f"not evaluable: {finding.reason}"
    if isinstance(finding.value, str | int):
        return str(finding.value)
    if finding.unit == "1":
        return f"{finding.value:.3f}"
    sign = "+" if finding.name == "mean_height_difference" else ""
    return f"{finding.value:{sign}.2f} {finding.unit}"
