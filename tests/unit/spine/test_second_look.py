"""The network's doubts about vertebrae: two merged into one are told, single ones are not."""

import numpy as np
import pytest

from spondyl.space import Volume
from spondyl.spine import NamedSegmentation, bare, segment_levels
from spondyl.spine.names import NamingProposal
from spondyl.spine.segmenters import (
    DiscsFound,
    NetworkClasses,
    Segmentation,
    SpineClass,
    find_classes,
    look_again,
    network,
    with_doubts,
)
from spondyl.synthetic import ScanSpec, VirtualPatient, VirtualSpineSpec, make_virtual_patient

LEVELS = ("T12", "L1", "L2", "L3", "L4")
DISC = "sees a disc inside it"
NAMELESS = NamingProposal(None, (), (), ())
NO_BODY = "of it for a vertebral body"


@pytest.fixture(scope="module")
def patient() -> VirtualPatient:
    spec = VirtualSpineSpec(levels=LEVELS, scan=ScanSpec(in_plane_mm=2.0, slice_step_mm=2.0))  # type: ignore[arg-type]
    return make_virtual_patient(spec, np.random.default_rng(3))


@pytest.fixture(scope="module")
def classes(patient: VirtualPatient) -> NetworkClasses:
    return find_classes(patient.ct)


def told(
    patient: VirtualPatient, groups: tuple[tuple[int, ...], ...], cut: tuple[bool, ...] | None = None
) -> Segmentation:
    """True masks as a segmentation; a group of several levels is one vertebra that holds the discs between them."""
    labels, geometry = patient.labels.array, patient.labels.geometry
    vertebrae, parts = np.zeros(labels.shape, np.uint8), np.zeros(labels.shape, np.uint8)
    body = patient.subregions.array == 49
    for number, group in enumerate(groups, start=1):
        mine = np.isin(labels, group) & body
        if len(group) > 1:
            heights = [np.argwhere((labels == n) & body)[:, 2].mean() for n in group]
            between = np.arange(labels.shape[2])
            inside = (between > min(heights)) & (between < max(heights))
            mine |= (patient.structures.array == 8) & inside  # Structure.DISC
        vertebrae[mine], parts[mine] = number, 49
    n = len(groups)
    found = DiscsFound(np.zeros((9, 3)), np.zeros((2, 3)), ((),), ())
    return Segmentation(
        Volume(vertebrae, geometry, "1"),
        Volume(parts, geometry, "1"),
        found,
        (1.0,) * n,
        ((),) * n,
        cut or (False,) * n,
    )


def test_single_vertebrae_get_no_doubt(patient: VirtualPatient, classes: NetworkClasses) -> None:
    seen = with_doubts(told(patient, ((19,), (20,), (21,), (22,), (23,))), classes)
    assert seen.doubts == ((),) * 5
    assert seen.confidence == (1.0,) * 5


def test_two_vertebrae_merged_into_one_are_told(patient: VirtualPatient, classes: NetworkClasses) -> None:
    seen = with_doubts(told(patient, ((19,), (20, 21), (22,), (23,))), classes)
    assert [any(DISC in text for text in said) for said in seen.doubts] == [False, True, False, False]
    assert seen.confidence == pytest.approx((1.0, 0.6, 1.0, 1.0))


def test_what_is_no_body_is_told(patient: VirtualPatient, classes: NetworkClasses) -> None:
    """The aorta in the place of a vertebra."""
    given = told(patient, ((19,), (20,), (21,)))
    vertebrae, parts = given.vertebrae.array.copy(), given.parts.array.copy()
    vertebrae[vertebrae == 2] = parts[vertebrae == 2] = 0
    aorta = (patient.structures.array == 6) & (np.arange(parts.shape[2]) < 40)
    vertebrae[aorta], parts[aorta] = 2, 49
    geometry = given.parts.geometry
    wrong = Segmentation(
        Volume(vertebrae, geometry, "1"),
        Volume(parts, geometry, "1"),
        given.found,
        given.confidence,
        given.doubts,
        given.cut,
    )
    seen = with_doubts(wrong, classes)
    assert any(NO_BODY in text for text in seen.doubts[1])
    assert not seen.doubts[0]


def test_cut_vertebrae_and_earlier_doubts_stay_as_they_are(patient: VirtualPatient, classes: NetworkClasses) -> None:
    given = told(patient, ((19,), (20, 21), (22,)), cut=(False, True, False))
    seen = with_doubts(given, classes)
    assert seen.doubts == given.doubts and seen.confidence == given.confidence
    assert seen.vertebrae is given.vertebrae and seen.parts is given.parts  # no mask is touched


def test_the_network_is_shown_the_part_around_the_bodies(patient: VirtualPatient) -> None:
    seen = look_again(patient.ct, told(patient, ((19,), (20, 21), (22,), (23,))))
    assert [any(DISC in text for text in said) for said in seen.doubts] == [False, True, False, False]


def test_without_bodies_there_is_nothing_to_look_at(patient: VirtualPatient) -> None:
    empty = told(patient, ((1,),))
    assert look_again(patient.ct, empty) is empty


def test_a_missing_network_is_a_note(patient: VirtualPatient, monkeypatch) -> None:
    monkeypatch.setattr(network, "_WEIGHTS", "not-there.onnx")
    network._packaged.cache_clear()
    given = told(patient, ((19,), (20, 21), (22,)))
    monkeypatch.setattr(bare, "segment_spine", lambda ct, **options: given)
    monkeypatch.setattr(bare, "name_segmentation", lambda ct, found, anchors: NamedSegmentation(found, NAMELESS))
    without = segment_levels(patient.ct)
    monkeypatch.setattr(network, "_WEIGHTS", "classes.onnx")
    network._packaged.cache_clear()
    seen = segment_levels(patient.ct)
    assert without.segmentation is given
    assert without.notes[0].startswith("vertebrae were told apart from grey values alone: the weights of the network")
    assert seen.notes[0].startswith("a network looked at the vertebrae again")
    assert any(DISC in text for text in seen.segmentation.doubts[1])


def test_classes_are_numbered_as_the_weights_were_trained() -> None:
    """A change of these numbers would read the weights wrongly."""
    assert [kind.name for kind in SpineClass] == ["BACKGROUND", "BODY", "ARCH", "DISC", "CANAL", "SACRUM", "RIB"]
