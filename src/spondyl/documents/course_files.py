"""Simulated courses in a case folder: simulations.json, and the cement of each as NIfTI on the vertebra's own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spondyl.documents.course_models import CourseModel, SimulationsDocument
from spondyl.documents.records import from_json, write_document
from spondyl.simulation import Simulation
from spondyl.space import Volume
from spondyl.studies import read_voxel_field, write_array

SIMULATIONS_FILE = "simulations.json"


@dataclass(frozen=True, eq=False)
class KeptSimulations:
    """What a case folder holds of simulated courses."""

    document: SimulationsDocument
    cements: tuple[Volume | None, ...] = ()  # of the courses, in their order; None: no cement


def kept_of(found: Sequence[Simulation]) -> KeptSimulations:
    """The same of simulations that were just made."""
    voxel_mm = found[0].voxel_mm if found else 0.0
    document = SimulationsDocument.of([(one, None) for one in found], voxel_mm=voxel_mm, left_out={})
    return KeptSimulations(
        document, tuple(None if one.injection is None else one.injection.cement_share for one in found)
    )


def write_simulations(folder: Path, document: SimulationsDocument, found: Sequence[Simulation]) -> tuple[str, ...]:
    """Write the document and the cement of its courses; gives the names of the files."""
    named: list[CourseModel] = []
    written: list[str] = []
    for course, own in zip(document.courses, found, strict=True):
        if own.injection is None or course.cement is None:
            named.append(course)
            continue
        name = f"simulation_{course.level}_{course.course}_cement.nii.gz"
        share = own.injection.cement_share
        write_array(share.array.astype(np.float32), share.geometry, folder / name)
        named.append(course.model_copy(update={"cement": course.cement.model_copy(update={"cement_file": name})}))
        written.append(name)
    write_document(folder / SIMULATIONS_FILE, document.model_copy(update={"courses": tuple(named)}))
    return SIMULATIONS_FILE, *written


def read_simulations(folder: Path) -> KeptSimulations:
    """The simulated courses of a case folder with their cement."""
    document = from_json(SimulationsDocument, folder / SIMULATIONS_FILE)
    return KeptSimulations(document, tuple(_cement(folder, course) for course in document.courses))


def _cement(folder: Path, course: CourseModel) -> Volume | None:
    if course.cement is None or course.cement.cement_file is None:
        return None
    return read_voxel_field(folder / course.cement.cement_file, "1")
