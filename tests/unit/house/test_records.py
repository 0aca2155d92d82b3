"""Every record is frozen, and its arrays stay read-only, also after a pickle (as in every worker process)."""

import dataclasses
import importlib
import pickle
import pkgutil
import typing
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest

import spondyl
from spondyl.planning import Balloon, ClearanceProfile, Plan, Structure, plan_augmentation
from spondyl.simulation import (
    BalloonOutcome,
    BalloonSettings,
    FlowModel,
    break_bone,
    build_bone_model,
    build_flow_model,
    build_segment_model,
    build_voxel_model,
    count_leaks,
    follow_cycle,
    inflate_balloons,
    measure_fields,
    measure_pressed,
    simulate,
    simulate_heat,
    simulate_injection,
    simulate_model_heat,
    solve_voxel_model,
    start_courses,
)
from spondyl.simulation.body_injection import portions
from spondyl.simulation.cement import find_cement
from spondyl.simulation.flow_model import injection_model
from spondyl.simulation.injection import inject
from spondyl.simulation.injection_records import HalfDone
from spondyl.simulation.load_cycle import DAMAGING
from spondyl.space import Geometry, SplineSurface, Volume, read_only
from spondyl.spine import NamedSegmentation, NamingProposal, Side, build_spine, load_label_map
from spondyl.spine.segmenters import ChainCandidate, DiscsFound, NetworkClasses, Segmentation, SpineClass
from spondyl.spine.segmenters.backends import BackendLabels
from spondyl.studies import LabelImage, Patient, Scan, Study
from spondyl.synthetic import ScanSpec, VertebraSpec, VirtualSpineSpec, deform_vertebra, make_virtual_patient

WORKING_STATE = {"Canvas", "_Brush", "Progress"}  # filled while something is made; nobody keeps them


def modules() -> Iterator[object]:
    for info in pkgutil.walk_packages(spondyl.__path__, "spondyl."):
        yield importlib.import_module(info.name)


def dataclasses_of_the_package() -> list[type]:
    found = {
        value
        for module in modules()
        for value in vars(module).values()
        if dataclasses.is_dataclass(value) and isinstance(value, type) and value.__module__.startswith("spondyl.")
    }
    return sorted(found, key=lambda record: f"{record.__module__}.{record.__qualname__}")


def public_names() -> set[str]:
    return {name for module in modules() for name in getattr(module, "__all__", ())}


def holds_arrays(hint: object, above: tuple[object, ...] = ()) -> bool:
    """Whether a type is an array or a record that has one somewhere inside; a record may hold its own kind."""
    if typing.get_origin(hint) is np.ndarray or hint is np.ndarray:
        return True
    if hint in above:
        return False
    inner = typing.get_type_hints(hint).values() if dataclasses.is_dataclass(hint) else typing.get_args(hint)
    return any(holds_arrays(item, (*above, hint)) for item in inner)


def parts(value: object) -> Iterator[object]:
    """The value and everything inside it."""
    yield value
    if dataclasses.is_dataclass(value):
        inner = [getattr(value, item.name) for item in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        inner = list(value.values())
    else:
        inner = list(value) if isinstance(value, tuple | list) else []
    for item in inner:
        yield from parts(item)


def arrays(value: object) -> list[np.ndarray]:
    return [part for part in parts(value) if isinstance(part, np.ndarray)]


RECORDS = dataclasses_of_the_package()
WITH_ARRAYS = [record for record in RECORDS if record.__name__ in public_names() and holds_arrays(record)]


@pytest.fixture(scope="module")
def examples() -> dict[type, object]:
    """One instance of each record: those of a small virtual study and of all that is made from it."""
    scan = ScanSpec(in_plane_mm=1.5, slice_step_mm=2.0, margin_side_mm=5, margin_front_mm=5)
    spec = VirtualSpineSpec(levels=("L1", "L2"), scan=scan, vertebrae={"L1": VertebraSpec()})
    virtual = make_virtual_patient(spec, np.random.default_rng(0))
    study = Study(virtual.ct, Scan(kvp=120.0, contrast=False), Patient())
    label_image = LabelImage(virtual.labels, None)
    subregions = LabelImage(virtual.subregions, None)
    spine = build_spine(study, labels=label_image, label_map="verse", subregions=subregions)
    heights = {"anterior": 0.7, "middle": 0.8, "posterior": 1.0}
    deformed = deform_vertebra(virtual.ct, virtual.labels, spine.levels[0], "wedge", **heights)
    knots = np.arange(9.0)
    surface = SplineSurface(knots, knots, np.zeros((5, 5)))
    plan = plan_augmentation(spine, spine.levels[0])
    balloon = Balloon(Side.LEFT, np.zeros(3), np.array([0.0, -1.0, 0.0]), 15.0, 12.0, 11.0, 13.0, "an endplate")
    profile = ClearanceProfile(np.arange(3.0), ((Structure.CANAL, np.ones(3)),), 0.5, 0.9)
    block = Volume(np.ones((1, 1, 2)), Geometry(np.eye(4), (1, 1, 2)), "MPa")
    ends = Volume(np.array([[[5, 6]]], np.uint8), block.geometry, "1")
    voxels = build_voxel_model(block, ends, top=6, bottom=5, displacement_mm=-0.1, lateral="held")
    pressed = solve_voxel_model(voxels)
    reading = ChainCandidate((20, 50), 1.0, "as the strict search")
    flow = build_flow_model(spine, spine.levels[0], voxel_mm=3.0)
    injection = simulate_injection(spine, plan, flow=flow, volume_ml=1.0)
    discs = DiscsFound(np.zeros((9, 3)), np.zeros((2, 3)), ((),), (reading,))
    told = Segmentation(ends, ends, discs, (1.0,) * 6, ((),) * 6, (False,) * 6)
    taken_for = NetworkClasses(np.zeros((len(SpineClass), *ends.geometry.shape)), ends.geometry)
    bone = build_bone_model(spine, spine.levels[0], voxel_mm=4.0)
    linear = solve_voxel_model(bone.model)
    frame = spine.vertebrae[0].frame
    assert frame is not None
    seated = Balloon(Side.LEFT, frame.origin, frame.anterior, 15.0, 12.0, 11.0, 13.0, "an endplate")
    resting = BalloonSettings(volume_ml=0.0)
    lift = inflate_balloons(break_bone(bone), replace(plan, balloons=(seated,)), preload_n=0.0, settings=resting)
    roots = (
        NamedSegmentation(told, NamingProposal(None, (), (), ())),
        taken_for,
        BackendLabels(label_image, "verse", None, "a test"),
        voxels,
        pressed,
        bone,
        BalloonOutcome(lift, lift),
        measure_fields(voxels, pressed.displacement),
        flow,
        injection_model(flow, reference_m2=2e-8),
        injection,
        half_done(flow, plan),
        simulate_heat(spine, injection, minutes=1.0),
        simulate_model_heat(injection_model(flow, reference_m2=2e-8), injection.result, injection.cement, minutes=1.0),
        measure_pressed(bone, replace(linear, plastic_strain=np.zeros(bone.density.array.shape))),
        count_leaks(spine, plan, flow=flow, volume_ml=0.5, runs=1),
        simulate(spine, replace(plan, balloons=()), volume_ml=1.0, voxel_mm=4.0, flow_voxel_mm=3.0),
        (start := start_courses(spine, spine.levels[0], voxel_mm=4.0)),
        start.creep_whole,
        build_segment_model(spine, spine.levels[0], voxel_mm=4.0),
        follow_cycle(voxels, Volume(voxels.modulus / 200, voxels.geometry, "MPa"), [-0.1], [-0.1], law=DAMAGING),
        plan,
        profile,
        balloon,
        virtual,
        study,
        label_image,
        spine,
        deformed,
        surface,
        load_label_map("verse"),
    )
    return {type(part): part for root in roots for part in parts(root) if dataclasses.is_dataclass(part)}


def half_done(flow: FlowModel, plan: Plan) -> HalfDone:
    """An injection as it stood after its first step."""
    kept: list[HalfDone] = []
    schedule = portions(plan, 0.2, 4.0, 5.0, tips=flow.tips)
    model = injection_model(flow, reference_m2=2e-8)
    inject(model, schedule, find_cement("generic-medium"), on_step=lambda state: kept.append(state()))
    return kept[0]


def test_there_are_records_to_test() -> None:
    assert len(RECORDS) > 50
    assert {"Geometry", "Volume", "Pedicle", "Spine", "Study"} <= {record.__name__ for record in WITH_ARRAYS}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.__name__)
def test_records_are_frozen(record: type) -> None:
    assert record.__dataclass_params__.frozen or record.__name__ in WORKING_STATE


@pytest.mark.parametrize("record", WITH_ARRAYS, ids=lambda record: record.__name__)
def test_records_with_arrays_do_not_compare_by_their_fields(record: type) -> None:
    assert not record.__dataclass_params__.eq


@pytest.mark.parametrize("record", WITH_ARRAYS, ids=lambda record: record.__name__)
def test_arrays_of_a_record_are_read_only_also_after_a_pickle(record: type, examples: dict[type, object]) -> None:
    example = examples[record]
    returned = pickle.loads(pickle.dumps(example))
    assert arrays(example)
    assert not any(array.flags.writeable for array in arrays(example) + arrays(returned))
    for before, after in zip(arrays(example), arrays(returned), strict=True):
        np.testing.assert_array_equal(before, after)


def test_a_writable_array_is_copied_into_a_record() -> None:
    values = np.zeros((2, 2, 2))
    volume = Volume(values, Geometry(np.eye(4), values.shape), "1")
    values[:] = 1
    assert not volume.array.any()


def test_a_read_only_view_of_a_writable_array_is_copied_too() -> None:
    values = np.zeros(4)
    view = values[1:].view()
    view.flags.writeable = False
    kept = read_only(view)
    values[:] = 1
    assert not kept.any()


def test_what_is_read_only_for_everybody_is_passed_through() -> None:
    values = read_only(np.zeros(4))
    assert read_only(values[1:]).base is values
