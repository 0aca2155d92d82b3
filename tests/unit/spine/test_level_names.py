"""Names for the vertebrae of a bare CT: right, or letters and a question; never wrong without a word."""

from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine import Level
from spondyl.spine.names import Anchor, LevelSigns, NamingProposal, Sight, name_levels, parse_anchor, read_signs
from spondyl.spine.names.anchors import place_of
from spondyl.spine.names.proposal import propose
from spondyl.spine.names.readings import weigh_readings
from spondyl.spine.names.ribs import find_spurs
from spondyl.spine.segmenters import find_discs
from spondyl.studies import read_study

SEEN, NONE, UNCLEAR, HIDDEN = Sight.SEEN, Sight.NONE, Sight.UNCLEAR, Sight.NOT_SHOWN
SIZES = {"T10": 27, "T11": 29, "T12": 30, "L1": 31, "L2": 32, "L3": 33, "L4": 33, "L5": 31}


def signs(
    *pieces: str, ribs: tuple[str, ...] = (), sacrum: bool = False, lungs: tuple[str, ...] = ()
) -> list[LevelSigns]:
    """Signs of pieces with spacings of these levels, those named bearing ribs, and a sacrum below them where asked."""
    out = [
        LevelSigns(
            float(SIZES.get(piece, 32)),
            (SEEN, SEEN) if i < len(ribs) else (NONE, NONE),
            (SEEN, SEEN) if piece in lungs else (NONE, NONE),
            NONE,
        )
        for i, piece in enumerate(pieces)
    ]
    last = LevelSigns(None, (HIDDEN, HIDDEN), (NONE, NONE), SEEN if sacrum else NONE, ("wings",) if sacrum else ())
    return [*out, last]


def proposed(found: list[LevelSigns], anchors: tuple[str, ...] = (), **more: object) -> NamingProposal:
    numbers = [i + 1 if sign.sacrum is not SEEN else None for i, sign in enumerate(found)]
    fixed = {numbers.index(parse_anchor(a).label): parse_anchor(a).level for a in anchors}
    return propose(found, numbers, fixed=fixed, anchors=anchors, **more)  # type: ignore[arg-type]


def test_ribs_and_sacrum_that_agree_name_the_levels() -> None:
    found = proposed(signs("T11", "T12", "L1", "L2", "L3", "L4", "L5", ribs=("T11", "T12"), sacrum=True))
    assert found.levels is not None
    assert [level.name for level in found.levels] == ["T11", "T12", "L1", "L2", "L3", "L4", "L5"]
    assert [(q.code, q.blocking) for q in found.questions] == [("level_ribs_not_counted", False)]
    assert "T11 to T12 would be off by one" in found.questions[0].text


def test_the_last_rib_alone_names_them_and_asks_to_confirm() -> None:
    found = proposed(signs("T11", "T12", "L1", "L2", ribs=("T11", "T12"), lungs=("T11",)))
    assert found.levels is not None
    assert found.levels[1] is Level.T12
    assert [(q.code, q.blocking) for q in found.questions] == [("level_one_tie", False)]
    assert "last pair of ribs alone" in found.questions[0].text
    assert "Possible too: T10 to L2 (share 0.03); T12 to L3 (share 0.01)." in found.questions[0].text


@pytest.mark.parametrize(
    ("lumbar", "told"),
    [
        (6, {"six lumbar vertebrae", "eleven pairs of ribs that are seen"}),
        (4, {"four lumbar vertebrae", "a thirteenth pair of ribs and four more lumbar vertebrae"}),
    ],
)
def test_six_or_four_bodies_between_last_rib_and_sacrum_are_asked(lumbar: int, told: set[str]) -> None:
    names = ("T12", "L1", "L2", "L3", "L4", "L5", "L5")[: lumbar + 1]
    found = proposed(signs(*names, ribs=("T12",), sacrum=True))
    assert found.levels is None
    assert told <= {reading.words for reading in found.readings}
    assert found.questions[0].blocking
    assert "--anchor" in found.questions[0].action


def test_one_side_alone_ties_nothing_however_well_it_fits() -> None:
    """The last rib on the left fits one row of names far better than any other; the right side is not shown."""
    row = [
        LevelSigns(float(SIZES[name]), (SEEN if name[0] == "T" else NONE, HIDDEN), (NONE, HIDDEN), NONE)
        for name in ("T10", "T11", "T12", "L1", "L2")
    ]
    found = proposed([*row, LevelSigns(None, (HIDDEN, HIDDEN), (HIDDEN, HIDDEN), HIDDEN)])
    assert found.readings[0].share > 0.85
    assert found.levels is None


def test_a_sacrum_not_at_the_end_ties_nothing() -> None:
    row = signs("L3", "L4", "L5", "L5", sacrum=False)
    row[1] = LevelSigns(33.0, (NONE, NONE), (NONE, NONE), SEEN, ("wings",))
    assert propose(row, [1, 2, 3, 4, 5]).levels is None


def test_a_person_names_what_is_not_decided() -> None:
    found = proposed(signs("L2", "L3", "L4"), anchors=("C=L4",))
    assert found.levels == (Level.L2, Level.L3, Level.L4, Level.L5)
    assert found.questions == ()


def test_a_person_who_contradicts_ribs_and_sacrum_is_asked_first() -> None:
    row = signs("T11", "T12", "L1", "L2", "L3", "L4", "L5", ribs=("T11", "T12"), sacrum=True)
    found = proposed(row, anchors=("A=T12",))
    assert found.levels is not None
    assert found.levels[0] is Level.T12
    assert found.questions[0].code == "level_anchor_contradicted"
    assert found.questions[0].blocking


@pytest.mark.parametrize(("anchor", "told"), [("A=T11", ["level_anchor_unlikely"]), ("A=L1", [])])
def test_a_person_whose_names_fit_worse_is_told_where_nothing_is_decided(anchor: str, told: list[str]) -> None:
    """Four pieces without ribs, lung beside two: L1 to L5 has a share of 0.78, T11 to L3 one of 0.01."""
    row = signs("T11", "T12", "L1", "L2", lungs=("T11", "T12"))
    assert not proposed(row).is_decided
    found = proposed(row, anchors=(anchor,))
    assert [(q.code, q.blocking) for q in found.questions] == [(code, False) for code in told]
    if told:
        assert "fit L1 to L5 better (share 0.78 against 0.01)" in found.questions[0].text


def test_two_anchors_make_a_thirteenth_thoracic_vertebra() -> None:
    found = proposed(signs("T12", "L1", "L1", "L2"), anchors=("A=T12", "C=L1"))
    assert found.levels is not None
    assert [level.name for level in found.levels] == ["T12", "T13", "L1", "L2", "L3"]


def test_a_level_that_may_be_hidden_makes_the_names_beyond_it_a_question() -> None:
    row = signs("T11", "T12", "L1", "L2", "L3", ribs=("T11", "T12"))
    doubts = [(), (), (), ("discs 50 mm apart: a collapsed level may be hidden here",), (), ()]
    found = proposed(row, doubts=doubts)
    asked = [q for q in found.questions if q.code == "level_count_doubtful"]
    assert asked[0].blocking
    assert "below it are off by one" in asked[0].text


def test_shares_of_all_readings_sum_to_one() -> None:
    assert sum(r.share for r in weigh_readings(signs("L1", "L2"), {})) == pytest.approx(1.0)


def test_no_reading_gives_one_body_two_names_out_of_order() -> None:
    assert weigh_readings(signs("L1", "L2"), {0: Level.L3, 1: Level.L1}) == ()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("L1=slice:412", Anchor(Level.L1, slice_index=412)),
        ("t12=mm:12.5,-40,310", Anchor(Level.T12, point=(12.5, -40.0, 310.0))),
        ("L1=label:3", Anchor(Level.L1, label=3)),
        ("C=L1", Anchor(Level.L1, label=3)),
    ],
)
def test_anchors_are_read(text: str, meant: Anchor) -> None:
    assert parse_anchor(text) == meant


@pytest.mark.parametrize(
    "text", ["L1", "L1=412", "L1=slice:-1", "L1=slice:x", "L1=mm:1,2", "L1=label:0", "L1=mm:nan,1,1"]
)
def test_anchors_of_another_form_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not understood as an anchor"):
        parse_anchor(text)


def test_a_level_that_is_none_is_refused_as_an_anchor() -> None:
    with pytest.raises(InputError, match="is not a vertebral level"):
        parse_anchor("L9=slice:3")


GRID = Geometry(np.array([[1.0, 0, 0, -50], [0, 1, 0, -50], [0, 0, 2, 100], [0, 0, 0, 1]]), (100, 100, 60))
DISCS = np.array([[0, 0, 120.0], [0, 0, 150], [0, 0, 180]])  # slices 10, 25 and 40


@pytest.mark.parametrize(
    ("anchor", "place"),
    [
        ("L1=slice:32", 1),
        ("L1=slice:17", 2),
        ("L1=slice:47", 0),
        ("L1=mm:20,10,165", 1),
        ("L1=label:2", 1),
        ("A=L1", 0),
    ],
)
def test_an_anchor_means_the_body_it_lies_in(anchor: str, place: int) -> None:
    assert place_of(parse_anchor(anchor), GRID, DISCS, [1, 2, 3, 4]) == place


def test_slices_are_counted_as_stored() -> None:
    """The same image stored from head to foot: slice 0 is the highest."""
    affine = GRID.affine.copy()
    affine[:3, 2], affine[2, 3] = (0, 0, -2), 218.0
    flipped = Geometry(affine, GRID.shape)
    assert place_of(parse_anchor("L1=slice:27"), flipped, DISCS, [1, 2, 3, 4]) == 1


@pytest.mark.parametrize(
    ("anchor", "said"),
    [
        ("L1=slice:25", "between two bodies"),
        ("L1=slice:60", "slices 0 to 59"),
        ("L1=slice:0", "no vertebra was found there"),
        ("L1=mm:100,0,150", "more than 60 mm"),
        ("L1=label:9", "vertebrae 1 to 3 were found"),
    ],
)
def test_an_anchor_that_means_no_body_is_refused(anchor: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        place_of(parse_anchor(anchor), GRID, DISCS, [1, 2, 3, None])


def test_a_rib_reaches_beyond_any_process_and_on_its_own_side() -> None:
    """A rod from 25 to 70 mm on the patient's left, one from 25 to 40 mm on the right."""
    left, back = np.arange(-90.0, 90.1), np.arange(-70.0, 50.1)
    straight = np.full((len(left), len(back), 60), 40, np.float32)
    rows = np.abs(back - 10) <= 4
    for side in range(25, 71):
        straight[left == side, rows, 36 - side // 3 : 42 - side // 3] = 400
    for side in range(25, 41):
        straight[left == -side, rows, 28:34] = 400
    (rib,) = find_spurs(straight, left, back, 1, 58.0)
    (process,) = find_spurs(straight, left, back, -1, 58.0)
    assert rib.reach_mm == 58.0
    assert process.reach_mm == 40.0
    assert rib.root == pytest.approx(29.5, abs=1.0)  # half a step of 1 mm on each side


REAL = {
    "lidc-0001-thoracic/ct.nii.gz": ("C7", "L3"),
    "ts-lumbar-3mm/ct.nii.gz": ("T12", "L5"),
    "acrin-flt-001-lumbar/ct.nii.gz": ("T9", "L5"),
    "ts-thoracic-endplate/ct.nii.gz": None,
    "cmb-crc-01068-thoracic-lung-kernel/ct.nii.gz": None,
    "rider-pilot-0117-thoracic/ct.nii.gz": None,
    "tptbox-l3-ct-mr/l3_ct.nii.gz": None,
}


@pytest.mark.parametrize("name", REAL)
def test_real_cts_are_named_rightly_or_not_at_all(data_dir: Path, name: str) -> None:
    ct = read_study(data_dir / name).ct
    found = find_discs(ct)
    named = name_levels(ct, found.canal, found.discs)
    wanted = REAL[name]
    assert (named.levels and (named.levels[0].name, named.levels[-1].name)) == wanted
    if wanted is None:
        assert named.questions[0].blocking


def test_left_and_right_are_the_patients(data_dir: Path) -> None:
    """The right ribs of this CT leave the field of view at the upper levels; in its mirror image the left ones do."""
    ct = read_study(data_dir / "lidc-0001-thoracic" / "ct.nii.gz").ct
    mirrored = Volume(ct.array[::-1], ct.geometry, ct.unit)
    here, there = (read_signs(image, (f := find_discs(image)).canal, f.discs) for image in (ct, mirrored))
    assert here[1].ribs == (SEEN, HIDDEN)
    assert there[1].ribs == (HIDDEN, SEEN)
    assert [s.ribs for s in here][8:14] == [s.ribs[::-1] for s in there][8:14]


def test_too_little_is_refused() -> None:
    ct = Volume(np.zeros((9, 9, 9), np.int16), Geometry(np.eye(4), (9, 9, 9)), "[hnsf'U]")
    with pytest.raises(InputError, match="at least two discs"):
        read_signs(ct, np.zeros((40, 3)), np.zeros((1, 3)))
