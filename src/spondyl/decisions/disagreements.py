"""Where published sources do not agree, side by side. What nobody verified is named and not shown.

A disagreement bites where the record gives its sides different answers, or where a fact that would decide this is not
known. One that does not bite is named with the reason and not spread out: it would read as doubt about this patient.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import MappingProxyType

from spondyl.decisions.answer import Answer
from spondyl.decisions.types import Concern, Position, ShownDisagreement, Stance, Standpoint
from spondyl.evidence import Disagreement, disagreements, find_entry

# The entry that each position rests on; a source may have others that say something else. None: no entry holds it.
ENTRIES: Mapping[tuple[str, str], str | None] = MappingProxyType(
    {
        ("dis-augment-or-not", "nice_ta279"): "ind-nice",
        ("dis-augment-or-not", "acr2018"): "ind-acr2018-v2",
        ("dis-augment-or-not", "barr2014"): "ind-barr2014",
        ("dis-augment-or-not", "aaos2010"): "ind-aaos",
        ("dis-augment-or-not", "asbmr2019"): "ind-asbmr",
        ("dis-augment-or-not", "cochrane2018"): "ind-cochrane-effect",
        ("dis-augment-or-not", "nass_auc_ovf"): "ind-nass-ovf",
        ("dis-sham", "vapour2016"): "out-vapour-primary",
        ("dis-sham", "vertos4"): "out-vertos4",
        ("dis-sham", "buchbinder2009"): "out-buchbinder",
        ("dis-sham", "invest2009"): "out-invest-12m",
        ("dis-sham", "vertos5"): "out-vertos5",
        ("dis-time", "vapour_early"): "out-vapour-early",
        ("dis-time", "nhs_hny2025"): "ind-uk-commission",
        ("dis-time", "hirsch2018"): "ind-hirsch-result",
        ("dis-time", "vertos5"): "out-vertos5",
        ("dis-time", "bcbs_bkp"): "ind-payer-bcbs",
        ("dis-pvp-vs-bkp", "kaviar2014"): "pc-rct-equiv",
        ("dis-pvp-vs-bkp", "papanastassiou2012"): "pc-papana",
        ("dis-pvp-vs-bkp", "beall2018"): "pc-beall2018",
        ("dis-pvp-vs-bkp", "anselmetti2013"): "ind-eu-panel",
        ("dis-pvp-vs-bkp", "aaos2010"): "ind-aaos",
        ("dis-adjacent", "vertos2_fx"): "cx-newfx-vertos2",
        ("dis-adjacent", "free_web"): "cx-newfx-free",
        ("dis-adjacent", "blasco2012"): "out-blasco",
        ("dis-adjacent", "farrokhi2011"): "out-farrokhi",
        ("dis-adjacent", "papanastassiou2012"): "pc-papana",
        ("dis-volume", "kaufmann2006"): "pp-volume-clinical",
        ("dis-volume", "alali2009"): "cx-leak-alali",
        ("dis-volume", "swissspine2013"): "pp-volume-opposite",
        ("dis-volume", "molloy2003"): "pp-volume-fill",
        ("dis-volume", "hsieh2019"): "cx-pce-volume",
        ("dis-mortality", "edidin2011"): None,
        ("dis-mortality", "edidin2015"): "cx-mortality-claims",
        ("dis-mortality", "mccullough2013"): "cx-mortality-matched",
        ("dis-mortality", "ong2018"): "cx-mortality-ong",
        ("dis-lung", "leech1990"): "nh-fvc",
        ("dis-lung", "morseth2013"): "nh-fvc-neg",
        ("dis-bleeding", "sir2019"): "pp-doac-sir",
        ("dis-bleeding", "asra2018"): "pp-asra-high",
        ("dis-bleeding", "cdi2020"): "pp-anticoag-policy",
        ("dis-bleeding", "accaha_af2023"): "pp-doac-acc",
        ("dis-lifting", "baycare"): "rec-baycare-act",
        ("dis-lifting", "krames2017"): "rec-krames",
        ("dis-lifting", "backtable2018"): "rec-ambulate",
        ("dis-lifting", "seed"): None,
        ("dis-calcium", "bhof2022"): "bh-calcium-vitd",
        ("dis-calcium", "nogg_s5"): "bh-calcium-vitd",
        ("dis-followup-imaging", "hirsch2018_web"): "rec-followup-imaging",
        ("dis-followup-imaging", "seed"): None,
    }
)


@dataclass(frozen=True)
class _Topic:
    """Who stands on which side, and by which position of this patient's the record answers for them.

    A source without a position speaks of every such patient.
    """

    one: Mapping[str, str | None]  # source: key of the position whose conditions are its own
    other: Mapping[str, str | None]
    only_for_candidates: bool = False  # it matters once a source finds the person a candidate


_TOPICS: Mapping[str, _Topic] = MappingProxyType(
    {
        "dis-augment-or-not": _Topic(
            {"nice_ta279": "cand-nice", "acr2018": "cand-acr", "barr2014": "cand-sir-2014"},
            {
                "aaos2010": "cand-aaos",
                "asbmr2019": "cand-asbmr",
                "cochrane2018": "cand-cochrane",
                "nass_auc_ovf": "cand-nass-chronic",
            },
        ),
        "dis-sham": _Topic(
            {"vapour2016": "trial-vapour", "vertos5": "trial-vertos5"},
            {"vertos4": "trial-vertos4", "invest2009": "trial-invest"},  # who entered Buchbinder's was not read
        ),
        "dis-time": _Topic(
            {"hirsch2018": None, "vapour_early": "pc-wait", "vertos5": "trial-vertos5"},
            {"bcbs_bkp": None, "nhs_hny2025": "cand-nice"},
        ),
        "dis-pvp-vs-bkp": _Topic(
            {"papanastassiou2012": "pc-deformity-bkp", "anselmetti2013": "pc-deformity-bkp"},
            {"kaviar2014": None, "beall2018": None, "aaos2010": "cand-aaos"},
            only_for_candidates=True,
        ),
        "dis-adjacent": _Topic(
            {"blasco2012": None},
            {"vertos2_fx": None, "free_web": None, "farrokhi2011": None, "papanastassiou2012": None},
            only_for_candidates=True,
        ),
    }
)
FOR_EVERYBODY = "no condition of these sources tells one patient from another"


def show_disagreements(keys: Collection[str]) -> tuple[ShownDisagreement, ...]:
    """The disagreements of these keys, for anybody, with the positions that rest on a verified entry."""
    return tuple(_shown(one, {}, Answer.YES, FOR_EVERYBODY) for one in disagreements() if one.disagreement_id in keys)


def weigh_disagreements(
    osteoporotic: Answer, positions: Sequence[Position], choices: Sequence[Position], urgent: Sequence[Concern]
) -> tuple[ShownDisagreement, ...]:
    """The disagreements on candidacy and choice, and whether each bites for the patient of these positions.

    Parameters
    ----------
    osteoporotic
        Whether the fracture is osteoporotic: all of these sources speak of such fractures only.
    """
    answers = {one.key: one.applies for one in (*positions, *choices)}
    candidate = _any(one.applies for one in positions if one.stance is Stance.FOR)
    elsewhere = _any(one.answer for one in urgent)
    weighed = []
    for one in disagreements():
        topic = _TOPICS.get(one.disagreement_id)
        if topic is not None:
            bites, why = _weigh(topic, answers, osteoporotic, candidate, elsewhere)
            weighed.append(_shown(one, answers, bites, why))
    return tuple(weighed)


def _weigh(
    topic: _Topic, answers: Mapping[str, Answer], osteoporotic: Answer, candidate: Answer, elsewhere: Answer
) -> tuple[Answer, str]:
    """Whether both sides speak to this patient. What belongs to another path first is not asked of these sources."""
    if elsewhere is Answer.YES:
        return Answer.NO, "something else comes first"
    if osteoporotic is Answer.NO:
        return Answer.NO, "these sources speak of osteoporotic fractures"
    if topic.only_for_candidates and candidate is Answer.NO:
        return Answer.NO, "no source finds a candidate here"
    one, other = (_any(_answer(answers, key) for key in side.values()) for side in (topic.one, topic.other))
    both = one & other & osteoporotic & (candidate if topic.only_for_candidates else Answer.YES)
    if both is Answer.NO:
        return both, "only one side speaks of such a patient"
    return both, {
        Answer.YES: "both sides speak of such a patient",
        Answer.UNKNOWN: "a fact that would decide it is not known",
    }[both]


def _any(answers: Iterable[Answer]) -> Answer:
    return reduce(or_, answers, Answer.NO)


def _answer(answers: Mapping[str, Answer], key: str | None) -> Answer:
    return Answer.YES if key is None else answers[key]


def _shown(one: Disagreement, answers: Mapping[str, Answer], bites: Answer, why: str) -> ShownDisagreement:
    rests = [(position, ENTRIES[one.disagreement_id, position.source]) for position in one.positions]
    good = {position.source: entry for position, entry in rests if entry is not None and find_entry(entry).verified}
    topic = _TOPICS.get(one.disagreement_id, _Topic({}, {}))
    decides = {**topic.one, **topic.other}
    return ShownDisagreement(
        key=one.disagreement_id,
        topic=one.topic,
        bites=bites,
        why=why,
        positions=tuple(
            Standpoint(each.source, each.words, good[each.source], answers.get(decides.get(each.source) or ""))
            for each in one.positions
            if each.source in good
        ),
        hidden=tuple(position.source for position in one.positions if position.source not in good),
        presentation=one.presentation,
    )
