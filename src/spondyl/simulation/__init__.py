"""What loads do to bone, and where cement goes in it: voxel models between platens, and injections."""

from spondyl.simulation.between_platens import (
    CurvePoint,
    PlatenResponse,
    load_between_platens,
    pushed_off_middle,
    solve_voxel_model,
)
from spondyl.simulation.body_injection import BodyInjection, PathLeak, cement_on, simulate_injection
from spondyl.simulation.bone import BoneModel, build_bone_model
from spondyl.simulation.cement import Cement, find_cement
from spondyl.simulation.fields import PressedFields, VoxelFields, measure_fields, measure_pressed
from spondyl.simulation.flow_model import FlowModel, build_flow_model, injection_model
from spondyl.simulation.injection import (
    InjectionResult,
    InjectionSettings,
    Leak,
    Needle,
    Portion,
    PressureCourse,
    inject,
)
from spondyl.simulation.injection_model import InjectionModel, build_injection_model
from spondyl.simulation.leak_draws import LeakDraw
from spondyl.simulation.leak_shares import Driver, LeakShares, PathShare, PublishedRate, Share, count_leaks
from spondyl.simulation.linear_estimates import EstimateMap, LinearEstimates, estimate_linear, find_map
from spondyl.simulation.load_path import follow_load_path
from spondyl.simulation.loads import Activity, SpineLoad, estimate_loads, mean_step
from spondyl.simulation.openings import LeakPath, Opening
from spondyl.simulation.outlets import Outlet, slit, tube
from spondyl.simulation.permeability import Scenario
from spondyl.simulation.strength import Strength, estimate_strength, estimate_strength_linear, press_bone
from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model

__all__ = [
    "Activity",
    "BodyInjection",
    "BoneModel",
    "Cement",
    "CurvePoint",
    "Driver",
    "EstimateMap",
    "FlowModel",
    "InjectionModel",
    "InjectionResult",
    "InjectionSettings",
    "Leak",
    "LeakDraw",
    "LeakPath",
    "LeakShares",
    "LinearEstimates",
    "Needle",
    "Opening",
    "Outlet",
    "PathLeak",
    "PathShare",
    "PlatenResponse",
    "Portion",
    "PressedFields",
    "PressureCourse",
    "PublishedRate",
    "Scenario",
    "Share",
    "SpineLoad",
    "Strength",
    "VoxelFields",
    "VoxelModel",
    "build_bone_model",
    "build_flow_model",
    "build_injection_model",
    "build_voxel_model",
    "cement_on",
    "count_leaks",
    "estimate_linear",
    "estimate_loads",
    "estimate_strength",
    "estimate_strength_linear",
    "find_cement",
    "find_map",
    "follow_load_path",
    "inject",
    "injection_model",
    "load_between_platens",
    "mean_step",
    "measure_fields",
    "measure_pressed",
    "press_bone",
    "pushed_off_middle",
    "simulate_injection",
    "slit",
    "solve_voxel_model",
    "tube",
]
