"""Spines with other counts, from true findings: named rightly, asked for, or at least told to be confirmed."""

from __future__ import annotations

import pytest

from spondyl.spine import Level
from spondyl.spine.names import Sight
from tools.validate_transitional import named, true_signs, whole_spine, windows


@pytest.mark.parametrize(("rib_pairs", "lumbar_count"), [(11, 5), (13, 5), (13, 4), (12, 4), (12, 6)])
def test_no_field_of_view_down_to_the_sacrum_is_wrong_without_a_word(rib_pairs: int, lumbar_count: int) -> None:
    spec = whole_spine(rib_pairs, lumbar_count, Level.T9)
    found = [(true, *named(row, true)) for row, true in windows(spec) if true[-1] is Level.SACRUM]
    assert len(found) == len(spec.levels) - 2  # rows of four pieces and more
    for true, verdict, proposal in found:
        assert verdict != "wrong and silent", true[0].name
        if proposal.levels is None:
            assert proposal.questions[0].blocking and len(proposal.readings) > 1


def test_thirteen_pairs_of_ribs_above_five_lumbar_vertebrae_are_told_with_the_thoracic_names() -> None:
    """Ribs and sacrum agree, and every thoracic name is one off: nothing in the picture tells it, so it is said."""
    row, true = next(found for found in windows(whole_spine(13, 5, Level.T9)) if found[1][-1] is Level.SACRUM)
    verdict, found = named(row, true)
    assert verdict == "wrong, asked to confirm"
    assert found.levels is not None and found.levels[-5:] == true[-6:-1]  # L1 to L5 are right
    assert [(q.code, q.blocking) for q in found.questions] == [("level_ribs_not_counted", False)]


def test_an_eye_without_error_sees_ribs_and_sacrum_where_they_were_built() -> None:
    signs = true_signs(whole_spine(13, 4, Level.T12))
    seen = [sign.ribs[0] is Sight.SEEN for sign in signs]
    assert seen == [True, True, False, False, False, False, False]  # T12, T13, L1 to L4, sacrum
    assert [sign.sacrum is Sight.SEEN for sign in signs] == [False] * 6 + [True]
