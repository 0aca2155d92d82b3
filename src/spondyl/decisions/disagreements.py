"""Where published sources do not agree, side by side. What nobody verified is named and not shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from spondyl.decisions.types import ShownDisagreement
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
ON_CANDIDACY = ("dis-augment-or-not", "dis-sham", "dis-time")
ON_CHOICE = ("dis-pvp-vs-bkp", "dis-adjacent")


def show_disagreements(keys: Collection[str]) -> tuple[ShownDisagreement, ...]:
    """The disagreements of these keys, with the positions that rest on a verified entry."""
    return tuple(_shown(one) for one in disagreements() if one.disagreement_id in keys)


def _shown(one: Disagreement) -> ShownDisagreement:
    rests = [(position, ENTRIES[one.disagreement_id, position.source]) for position in one.positions]
    good = {position.source: entry for position, entry in rests if entry is not None and find_entry(entry).verified}
    return ShownDisagreement(
        key=one.disagreement_id,
        topic=one.topic,
        positions=tuple((each.source, each.words, good[each.source]) for each in one.positions if each.source in good),
        hidden=tuple(position.source for position in one.positions if position.source not in good),
        presentation=one.presentation,
    )
