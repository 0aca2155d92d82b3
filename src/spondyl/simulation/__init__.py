"""What loads do to bone, and where cement goes in it: voxel models between platens, and injections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.on_demand import names_on_demand

__all__ = [
    "Activity",
    "BalloonDevice",
    "BalloonLift",
    "BalloonOutcome",
    "BalloonSettings",
    "BalloonStage",
    "BodyInjection",
    "BoneModel",
    "BrokenBody",
    "Cement",
    "Course",
    "CourseStart",
    "CreepCompliance",
    "CreepLaw",
    "CuringHeat",
    "CurvePoint",
    "Damage",
    "Driver",
    "EstimateMap",
    "Fan",
    "FlowModel",
    "FracturePlane",
    "HardCement",
    "HeightCourse",
    "InjectionModel",
    "InjectionResult",
    "InjectionSettings",
    "Leak",
    "LeakDraw",
    "LeakPath",
    "LeakShares",
    "LinearEstimates",
    "LoadCase",
    "LoadCycle",
    "Mechanics",
    "ModelHeat",
    "Needle",
    "NeighbourEffect",
    "NotSimulated",
    "Opening",
    "Outlet",
    "PathLeak",
    "PathShare",
    "PlatenResponse",
    "Portion",
    "PressedFields",
    "PressureCourse",
    "PublishedRate",
    "RestoredShares",
    "Scenario",
    "SegmentModel",
    "Share",
    "Simulation",
    "SpineLoad",
    "SpreadCause",
    "StandingLoad",
    "Strength",
    "VoxelFields",
    "VoxelModel",
    "Workers",
    "break_bone",
    "build_bone_model",
    "build_flow_model",
    "build_injection_model",
    "build_lifted_flow",
    "build_segment_model",
    "build_voxel_model",
    "cement_on",
    "compare_neighbours",
    "compare_preload",
    "count_leaks",
    "damage_by_loading",
    "estimate_borders",
    "estimate_linear",
    "estimate_loads",
    "estimate_strength",
    "estimate_strength_linear",
    "filled_with_cement",
    "find_cement",
    "find_creep_compliance",
    "find_device",
    "find_load_case",
    "find_map",
    "follow_cycle",
    "follow_height",
    "follow_load_path",
    "height_recovery",
    "inflate_balloons",
    "inject",
    "load_between_platens",
    "loaded_as",
    "mean_step",
    "measure_fields",
    "measure_mechanics",
    "measure_pressed",
    "press_bone",
    "press_twice",
    "pushed_off_middle",
    "simulate",
    "simulate_heat",
    "simulate_injection",
    "simulate_model_heat",
    "slit",
    "solve_voxel_model",
    "start_courses",
    "tube",
    "whole_bone",
]

if TYPE_CHECKING:
    from spondyl.simulation.balloon import compare_preload, inflate_balloons
    from spondyl.simulation.balloon_device import BalloonDevice, find_device
    from spondyl.simulation.balloon_records import (
        BalloonLift,
        BalloonOutcome,
        BalloonSettings,
        BalloonStage,
        RestoredShares,
    )
    from spondyl.simulation.between_platens import (
        CurvePoint,
        PlatenResponse,
        load_between_platens,
        pushed_off_middle,
        solve_voxel_model,
    )
    from spondyl.simulation.body_injection import BodyInjection, PathLeak, cement_on, simulate_injection
    from spondyl.simulation.bone import BoneModel, build_bone_model
    from spondyl.simulation.broken_body import BrokenBody, break_bone, whole_bone
    from spondyl.simulation.cement import Cement, find_cement
    from spondyl.simulation.composite import HardCement, filled_with_cement
    from spondyl.simulation.course_of_plan import simulate
    from spondyl.simulation.course_start import CourseStart, start_courses
    from spondyl.simulation.creep import CreepCompliance, CreepLaw, find_creep_compliance
    from spondyl.simulation.curing_heat import CuringHeat, ModelHeat, simulate_heat, simulate_model_heat
    from spondyl.simulation.damage import Damage, damage_by_loading
    from spondyl.simulation.fields import PressedFields, VoxelFields, measure_fields, measure_pressed
    from spondyl.simulation.flow_model import FlowModel, build_flow_model
    from spondyl.simulation.fracture import FracturePlane
    from spondyl.simulation.height_course import Fan, HeightCourse, StandingLoad, follow_height
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
    from spondyl.simulation.lifted import build_lifted_flow
    from spondyl.simulation.linear_estimates import EstimateMap, LinearEstimates, estimate_linear, find_map
    from spondyl.simulation.load_cases import LoadCase, find_load_case, loaded_as
    from spondyl.simulation.load_cycle import LoadCycle, follow_cycle, height_recovery, press_twice
    from spondyl.simulation.load_path import follow_load_path
    from spondyl.simulation.loads import Activity, SpineLoad, estimate_loads, mean_step
    from spondyl.simulation.mechanics import Mechanics, measure_mechanics
    from spondyl.simulation.neighbours import NeighbourEffect, compare_neighbours
    from spondyl.simulation.openings import LeakPath, Opening
    from spondyl.simulation.outlets import Outlet, slit, tube
    from spondyl.simulation.permeability import Scenario
    from spondyl.simulation.segment import SegmentModel, build_segment_model
    from spondyl.simulation.strength import Strength, estimate_strength, estimate_strength_linear, press_bone
    from spondyl.simulation.strength_spread import SpreadCause, estimate_borders
    from spondyl.simulation.types import Course, NotSimulated, Simulation
    from spondyl.simulation.voxel_model import VoxelModel, build_voxel_model
    from spondyl.simulation.workers import Workers
else:
    __getattr__, __dir__ = names_on_demand(
        __name__,
        {
            "spondyl.simulation.balloon": ("compare_preload", "inflate_balloons"),
            "spondyl.simulation.balloon_device": ("BalloonDevice", "find_device"),
            "spondyl.simulation.balloon_records": (
                "BalloonLift",
                "BalloonOutcome",
                "BalloonSettings",
                "BalloonStage",
                "RestoredShares",
            ),
            "spondyl.simulation.between_platens": (
                "CurvePoint",
                "PlatenResponse",
                "load_between_platens",
                "pushed_off_middle",
                "solve_voxel_model",
            ),
            "spondyl.simulation.body_injection": ("BodyInjection", "PathLeak", "cement_on", "simulate_injection"),
            "spondyl.simulation.bone": ("BoneModel", "build_bone_model"),
            "spondyl.simulation.broken_body": ("BrokenBody", "break_bone", "whole_bone"),
            "spondyl.simulation.cement": ("Cement", "find_cement"),
            "spondyl.simulation.composite": ("HardCement", "filled_with_cement"),
            "spondyl.simulation.course_start": ("CourseStart", "start_courses"),
            "spondyl.simulation.creep": ("CreepCompliance", "CreepLaw", "find_creep_compliance"),
            "spondyl.simulation.curing_heat": ("CuringHeat", "ModelHeat", "simulate_heat", "simulate_model_heat"),
            "spondyl.simulation.damage": ("Damage", "damage_by_loading"),
            "spondyl.simulation.fields": ("PressedFields", "VoxelFields", "measure_fields", "measure_pressed"),
            "spondyl.simulation.flow_model": ("FlowModel", "build_flow_model"),
            "spondyl.simulation.fracture": ("FracturePlane",),
            "spondyl.simulation.height_course": ("Fan", "HeightCourse", "StandingLoad", "follow_height"),
            "spondyl.simulation.injection": (
                "InjectionResult",
                "InjectionSettings",
                "Leak",
                "Needle",
                "Portion",
                "PressureCourse",
                "inject",
            ),
            "spondyl.simulation.injection_model": ("InjectionModel", "build_injection_model"),
            "spondyl.simulation.leak_draws": ("LeakDraw",),
            "spondyl.simulation.leak_shares": (
                "Driver",
                "LeakShares",
                "PathShare",
                "PublishedRate",
                "Share",
                "count_leaks",
            ),
            "spondyl.simulation.lifted": ("build_lifted_flow",),
            "spondyl.simulation.linear_estimates": ("EstimateMap", "LinearEstimates", "estimate_linear", "find_map"),
            "spondyl.simulation.load_cases": ("LoadCase", "find_load_case", "loaded_as"),
            "spondyl.simulation.load_cycle": ("LoadCycle", "follow_cycle", "height_recovery", "press_twice"),
            "spondyl.simulation.load_path": ("follow_load_path",),
            "spondyl.simulation.loads": ("Activity", "SpineLoad", "estimate_loads", "mean_step"),
            "spondyl.simulation.mechanics": ("Mechanics", "measure_mechanics"),
            "spondyl.simulation.neighbours": ("NeighbourEffect", "compare_neighbours"),
            "spondyl.simulation.openings": ("LeakPath", "Opening"),
            "spondyl.simulation.outlets": ("Outlet", "slit", "tube"),
            "spondyl.simulation.permeability": ("Scenario",),
            "spondyl.simulation.segment": ("SegmentModel", "build_segment_model"),
            "spondyl.simulation.course_of_plan": ("simulate",),
            "spondyl.simulation.strength": ("Strength", "estimate_strength", "estimate_strength_linear", "press_bone"),
            "spondyl.simulation.strength_spread": ("SpreadCause", "estimate_borders"),
            "spondyl.simulation.types": ("Course", "NotSimulated", "Simulation"),
            "spondyl.simulation.voxel_model": ("VoxelModel", "build_voxel_model"),
            "spondyl.simulation.workers": ("Workers",),
        },
    )
