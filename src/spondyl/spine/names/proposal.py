"""Names for the pieces of a spine, or letters and a question: what is decided, and what it rests on, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

from spondyl.errors import InputError
from spondyl.space import Floats, Volume
from spondyl.spine.names.anchors import Anchor, letter, place_of
from spondyl.spine.names.readings import Levels, Reading, weigh_readings, weigh_sizes
from spondyl.spine.names.shapes import BodyShape
from spondyl.spine.names.signs import LevelSigns, Sight, read_signs
from spondyl.spine.types import Level
from spondyl.studies import Question

_DECIDED = 0.85  # share of one row of names that is given to vertebrae without asking first
_TOLD = 0.03  # of readings that are still told
_CONTRADICTED = 0.10  # share of a person's reading among all: below, what is seen speaks against it
_UNLIKELIER = 3.0  # times that another reading is likelier than a person's: told; a choice
ASKED = "level_names"  # code of the question for names; the blocking one


@dataclass(frozen=True)
class NamingProposal:
    """Names of the vertebrae from the head, or none; the readings there are; and the evidence in words."""

    levels: Levels | None  # of each vertebra 1..n; None: not decided, they are called A, B, C, ...
    readings: tuple[Reading, ...]  # of the vertebrae, the likeliest first
    evidence: tuple[str, ...]
    questions: tuple[Question, ...]
    anchors: tuple[str, ...] = ()  # as a person gave them

    @property
    def is_decided(self) -> bool:
        """Whether the levels have names."""
        return self.levels is not None


def name_levels(
    ct: Volume,
    canal: Floats,
    discs: Floats,
    *,
    numbers: Sequence[int | None] | None = None,
    doubts: Sequence[Sequence[str]] = (),
    shapes: Sequence[BodyShape | None] = (),
    anchors: Sequence[Anchor] = (),
) -> NamingProposal:
    """Names for the vertebrae of a bare CT, from ribs, sacrum, lungs, spacing, sizes, and what a person says.

    Names are given only where the sacrum, the last rib or a person ties them to the spine, and one row of names
    outweighs all others, with the sizes of the vertebrae and without them; shape and lungs alone never name a level.
    Otherwise there are letters and a question.

    Parameters
    ----------
    ct
        Volume in Hounsfield units.
    canal, discs
        Centres from foot to head, shapes (m, 3) and (n, 3), patient mm.
    numbers
        Which vertebra, counted from 1 at the head, each of the n + 1 pieces from head to foot is; None: none, as the
        sacrum. Left out: all pieces but a sacrum below.
    doubts
        Of each of these pieces, in words: whether a level may be missing or one too many.
    shapes
        Sizes of the vertebra at each of these pieces, None where not measured; left out: none are.
    anchors
        What a person says.

    Raises
    ------
    InputError
        If an anchor names no vertebra, or if two of them contradict one another.
    """
    signs = read_signs(ct, canal, discs)
    kept = _numbered(signs) if numbers is None else tuple(numbers)
    if len(kept) != len(signs):
        raise InputError(f"{len(discs)} discs bound {len(discs) + 1} pieces, but {len(kept)} numbers are given")
    if shapes:
        signs = tuple(replace(sign, shape=shape) for sign, shape in zip(signs, shapes, strict=True))
    fixed = _fixed(anchors, [place_of(anchor, ct.geometry, discs, kept) for anchor in anchors])
    return propose(signs, kept, doubts=doubts, fixed=fixed, anchors=tuple(map(str, anchors)))


def _numbered(signs: Sequence[LevelSigns]) -> tuple[int | None, ...]:
    """Numbers of the pieces; one that is seen to be sacral bears none."""
    bones = [sign.sacrum is not Sight.SEEN for sign in signs]
    return tuple(sum(bones[: i + 1]) if bone else None for i, bone in enumerate(bones))


def _fixed(anchors: Sequence[Anchor], places: Sequence[int]) -> dict[int, Level]:
    fixed: dict[int, Level] = {}
    for anchor, place in zip(anchors, places, strict=True):
        if fixed.setdefault(place, anchor.level) is not anchor.level:
            raise InputError(
                f"the anchors call one vertebra both {fixed[place].name} and {anchor.level.name}: give one of them"
            )
    ordered = sorted(fixed)
    for above, below in pairwise(ordered):
        if fixed[above].order >= fixed[below].order:
            raise InputError(f"the anchors put {fixed[below].name} below {fixed[above].name}: check them")
    return fixed


def propose(
    signs: Sequence[LevelSigns],
    numbers: Sequence[int | None],
    *,
    doubts: Sequence[Sequence[str]] = (),
    fixed: Mapping[int, Level] = MappingProxyType({}),
    anchors: tuple[str, ...] = (),
) -> NamingProposal:
    """Names for pieces whose signs are read.

    Parameters
    ----------
    signs, numbers, doubts
        Of each piece from head to foot, as for `name_levels`.
    fixed
        Names that a person gave to pieces, with `anchors` as their words.

    Raises
    ------
    InputError
        If what a person says leaves no row of names.
    """
    free = weigh_readings(signs, {})
    readings = weigh_readings(signs, fixed) if fixed else free
    if not readings:
        raise InputError(
            f"the anchors {', '.join(anchors)} leave no names for the {len(signs)} pieces of spine that are seen: "
            "check them"
        )
    rows = _of_vertebrae(readings, numbers)
    sacrum, last_rib = _sacrum_place(signs), _last_rib(signs)
    tied = [place for place in (sacrum, last_rib, *fixed) if place is not None]
    best = rows[0]
    led = best.share >= _DECIDED and _share_without_shapes(signs, numbers, best.levels) >= _DECIDED
    decided = bool(fixed) or (bool(tied) and led and _agrees(readings[0], signs, sacrum, last_rib))
    called = [letter(number) for number in range(1, len(signs) + 1)]
    if decided:
        called = [level.name for level in best.levels]
    evidence = _evidence(signs, _Called(tuple(numbers), tuple(called)), sacrum, last_rib, anchors)
    told = tuple(row for i, row in enumerate(rows) if i == 0 or row.share >= _TOLD)
    if not decided:
        return NamingProposal(None, told, evidence, (_ask(told, numbers, evidence),), anchors)
    questions = []
    if fixed:
        questions += _against(free, numbers, best, anchors)
    questions += _of_doubts(numbers, best.levels, doubts, tied)
    if not fixed and len(tied) == 1:
        questions.append(_one_tie(rows, "sacrum" if sacrum is not None else "ribs"))
    if not fixed and len(tied) == 2 and best.levels[0].order >= Level.T1.order:
        questions += _not_counted(best.levels)
    return NamingProposal(best.levels, told, evidence, tuple(questions), anchors)


def _of_vertebrae(readings: Sequence[Reading], numbers: Sequence[int | None]) -> list[Reading]:
    """The readings of the pieces that are vertebrae, those that differ elsewhere only joined."""
    shares: dict[Levels, float] = {}
    words: dict[Levels, str] = {}
    for reading in readings:
        levels = tuple(level for level, number in zip(reading.levels, numbers, strict=True) if number is not None)
        shares[levels] = shares.get(levels, 0.0) + reading.share
        words.setdefault(levels, reading.words)
    rows = [Reading(levels, share, words[levels]) for levels, share in shares.items()]
    return sorted(rows, key=lambda row: -row.share)


def _share_without_shapes(signs: Sequence[LevelSigns], numbers: Sequence[int | None], levels: Levels) -> float:
    """Share of a row of names where sizes do not count: they may turn a name into a question, never the reverse."""
    rows = _of_vertebrae(weigh_readings(signs, {}, with_shapes=False), numbers)
    return next((row.share for row in rows if row.levels == levels), 0.0)


def _sacrum_place(signs: Sequence[LevelSigns]) -> int | None:
    """First piece that is clearly seen to be sacral."""
    return next((i for i, sign in enumerate(signs) if sign.sacrum is Sight.SEEN), None)


def _last_rib(signs: Sequence[LevelSigns]) -> int | None:
    """Last piece with ribs on both sides, where the next one below clearly has none."""
    for i in range(len(signs) - 2, -1, -1):
        if signs[i].ribs == (Sight.SEEN, Sight.SEEN):
            return i if signs[i + 1].ribs == (Sight.NONE, Sight.NONE) else None
        if signs[i].sacrum is Sight.NONE and Sight.SEEN in signs[i].ribs:
            return None
    return None


def _agrees(reading: Reading, signs: Sequence[LevelSigns], sacrum: int | None, last_rib: int | None) -> bool:
    """Whether a reading says what the ties say: the sacrum is one, and the last ribs are those of T12."""
    fits_sacrum = sacrum is None or reading.levels[sacrum] is Level.SACRUM
    return fits_sacrum and (last_rib is None or reading.levels[last_rib] is Level.T12)


@dataclass(frozen=True)
class _Called:
    """How the pieces are called in words: by names where they have some, else by letters."""

    numbers: tuple[int | None, ...]  # of the vertebra at each piece
    names: tuple[str, ...]  # of each vertebra

    def at(self, place: int) -> str:
        """The name of one piece."""
        number = self.numbers[place]
        return "the piece at the end" if number is None else self.names[number - 1]

    def listed(self, places: Sequence[int]) -> str:
        """The names of pieces from head to foot, runs joined: "A to D, F"."""
        runs: list[list[int]] = []
        for place in places:
            if runs and place == runs[-1][-1] + 1:
                runs[-1] = [runs[-1][0], place]
            else:
                runs.append([place])
        return ", ".join(" to ".join(self.at(place) for place in run) for run in runs)


def _evidence(
    signs: Sequence[LevelSigns],
    called: _Called,
    sacrum: int | None,
    last_rib: int | None,
    anchors: tuple[str, ...],
) -> tuple[str, ...]:
    said = [f"you say {anchor}" for anchor in anchors]
    pieces = [i for i, number in enumerate(called.numbers) if number is not None]
    for side, name in enumerate(("left", "right")):
        seen = [i for i in pieces if signs[i].ribs[side] is Sight.SEEN]
        none = [i for i in pieces if signs[i].ribs[side] is Sight.NONE]
        short = [i for i in pieces if signs[i].ribs[side] is Sight.UNCLEAR]
        parts = [f"meet {called.listed(seen)}" if seen else "", f"are missing at {called.listed(none)}" if none else ""]
        parts.append(f"cannot be told from processes at {called.listed(short)}" if short else "")
        text = ", ".join(part for part in parts if part) or "cannot be seen in this field of view"
        said.append(f"ribs on the {name} {text}")
    if last_rib is not None:
        said.append(f"the last pair of ribs meets {called.at(last_rib)}")
    said += _of_sacrum(signs, called, sacrum)
    lungs = [i for i in pieces if Sight.SEEN in signs[i].lungs]
    said.append(f"lung lies beside {called.listed(lungs)}" if lungs else "no lung is seen beside the bodies")
    spacing = [f"{mm:.0f}" for i in pieces if (mm := signs[i].spacing_mm) is not None]
    said.append(f"distances from disc to disc, from the head: {', '.join(spacing)} mm")
    return tuple(said + _of_sizes(signs, called))


def _of_sizes(signs: Sequence[LevelSigns], called: _Called) -> list[str]:
    if all(sign.shape is None for sign in signs):
        return []
    best = _of_vertebrae(weigh_sizes(signs), called.numbers)[0]
    return [
        f"widths and depths of bodies and distances of pedicles by themselves fit {span(best.levels)} best (share "
        f"{best.share:.2f}); no name rests on them"
    ]


def _of_sacrum(signs: Sequence[LevelSigns], called: _Called, sacrum: int | None) -> list[str]:
    if sacrum is not None:
        return [f"the sacrum lies below {called.at(sacrum - 1)}: {'; '.join(signs[sacrum].said)}"]
    unclear = [i for i, sign in enumerate(signs) if sign.sacrum is Sight.UNCLEAR and sign.said]
    if unclear:
        return [f"a sacrum is not sure at {called.at(unclear[-1])}: {'; '.join(signs[unclear[-1]].said)}"]
    return ["no sacrum is seen"]


def span(levels: Levels) -> str:
    """A row of names as words: "T11 to L4"."""
    return levels[0].name if len(levels) == 1 else f"{levels[0].name} to {levels[-1].name}"


def _ask(told: Sequence[Reading], numbers: Sequence[int | None], evidence: Sequence[str]) -> Question:
    count = max(number for number in numbers if number is not None)
    ways = "; ".join(f"{span(row.levels)} ({row.words}, share {row.share:.2f})" for row in told[:4])
    return Question(
        ASKED,
        f"What is seen does not decide which levels these are: {count} vertebrae, called A to {letter(count)} from the "
        f"head. Possible: {ways}. Seen: {'. '.join(evidence)}.",
        "Say which one level is: --anchor C=L1, --anchor L1=slice:412 or --anchor L1=mm:X,Y,Z (patient mm, LPS).",
        blocking=True,
    )


def _not_counted(levels: Levels) -> list[Question]:
    """Ribs and sacrum agree on the lumbar vertebrae; how many pairs of ribs there are above is not seen."""
    thoracic = tuple(level for level in levels if level.order < Level.L1.order)
    if not thoracic:
        return []
    return [
        Question(
            "level_ribs_not_counted",
            "The last pair of ribs is taken for the twelfth, since the first pair is not seen to count from: with "
            f"eleven or thirteen pairs {span(thoracic)} would be off by one, L1 and those below would not.",
            "Count the ribs on a whole-spine image before a thoracic level is treated.",
            blocking=False,
        )
    ]


def _one_tie(rows: Sequence[Reading], tie: str) -> Question:
    best, others = rows[0], "; ".join(f"{span(row.levels)} (share {row.share:.2f})" for row in rows[1:3])
    named = "the sacrum alone" if tie == "sacrum" else "the last pair of ribs alone"
    other = "a fourth or sixth lumbar vertebra" if tie == "sacrum" else "a short or missing last rib, or one more pair,"
    return Question(
        "level_one_tie",
        f"The levels are named {span(best.levels)} from {named} (share {best.share:.2f}); {other} would move all names "
        f"by one.{f' Possible too: {others}.' if others else ''}",
        "Confirm the names with the ribs, the sacrum or a whole-spine image before a level is treated.",
        blocking=False,
    )


def _against(
    free: Sequence[Reading], numbers: Sequence[int | None], best: Reading, anchors: tuple[str, ...]
) -> list[Question]:
    """What is seen against what a person says: asked first where it is clear, told where another reading fits."""
    rows = _of_vertebrae(free, numbers)
    share = next((row.share for row in rows if row.levels == best.levels), 0.0)
    named = (
        f"You say {', '.join(anchors)}, so the levels are named {span(best.levels)}; ribs, sacrum, lungs and spacing"
    )
    action = "Check the anchor, and the picture of the levels, before any result is used."
    if share < _CONTRADICTED and rows[0].share >= _DECIDED:
        told = f"{named} speak for {span(rows[0].levels)} (share {rows[0].share:.2f})."
        return [Question("level_anchor_contradicted", told, action, blocking=True)]
    if share * _UNLIKELIER < rows[0].share:
        told = (
            f"{named} fit {span(rows[0].levels)} better (share {rows[0].share:.2f} against {share:.2f}), "
            "but do not decide it."
        )
        return [Question("level_anchor_unlikely", told, action, blocking=False)]
    return []


def _of_doubts(
    numbers: Sequence[int | None], levels: Levels, doubts: Sequence[Sequence[str]], tied: Sequence[int]
) -> list[Question]:
    """Names beyond a piece that may hide a level are off by one if it does."""
    questions = []
    for place, said in enumerate(doubts):
        number = numbers[place]
        if not any("missing" in text or "hidden" in text or "reading" in text for text in said) or number is None:
            continue
        if min(tied) <= place <= max(tied) and len(tied) > 1:
            continue  # tied on both sides: the count in between is the expected one
        above = place <= min(tied)
        questions.append(
            Question(
                "level_count_doubtful",
                f"At {levels[number - 1].name}: {'; '.join(said)}. If so, the names "
                f"{'above' if above else 'below'} it are off by one.",
                "Look at the picture; say where a disc is with --disc-at, or where none is with --no-disc-at.",
                blocking=True,
            )
        )
    return questions
