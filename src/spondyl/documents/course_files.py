"""Simulated courses in a case folder: simulations.json, and the cement of each as fields, surface and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spondyl.documents.course_models import CourseModel, SimulationsDocument
from spondyl.documents.course_tables import course_tables
from spondyl.documents.plan_meshes import stl_bytes, surface_of
from spondyl.documents.records import from_json, write_document
from spondyl.documents.voxel_files import write_cells_vtu
from spondyl.simulation import BodyInjection, Simulation
from spondyl.space import Volume
from spondyl.studies import read_voxel_field, write_array, write_whole

if TYPE_CHECKING:
    from trimesh import Trimesh

SIMULATIONS_FILE = "simulations.json"
NEVER = -1.0  # minutes of a voxel that no cement reached: the file holds numbers alone
BONE, CAVITY = 1, 2  # voxels of a body after its balloons
LEAST_SHARE = 0.02  # of a voxel that is cement: less is not shown


@dataclass(frozen=True, eq=False)
class KeptCement:
    """The cement of one run, on a grid of the vertebra's own axes: to the front, to the left, to the head."""

    share: Volume  # of each voxel that is cement [1]
    minutes: Volume  # after mixing, when a voxel was half full [min]; -1: never
    body: Volume | None = None  # after balloons: 1 bone as it was lifted, 2 the cavity left [1]; None: no balloons

    @classmethod
    def of(cls, injection: BodyInjection) -> KeptCement:
        """What is kept of an injection."""
        share, flow = injection.cement_share, injection.flow
        cavity = np.asarray(flow.cavity)
        marked = np.where(cavity, CAVITY, np.where(flow.bone, BONE, 0)).astype(float)
        return cls(
            share,
            Volume(np.nan_to_num(injection.result.reached_min, nan=NEVER), share.geometry, "min"),
            Volume(marked, share.geometry, "1") if cavity.any() else None,
        )

    def there(self, minute: float) -> NDArray[np.bool_]:
        """The voxels that are at least half full by then."""
        return np.asarray((self.minutes.array > NEVER) & (self.minutes.array <= minute))

    @property
    def last_minute(self) -> float:
        """When the last voxel was filled."""
        return float(self.minutes.array.max())


@dataclass(frozen=True, eq=False)
class KeptSimulations:
    """What a case folder holds of simulated courses."""

    document: SimulationsDocument
    cements: tuple[KeptCement | None, ...] = ()  # of the courses, in their order; None: no cement


def kept_of(found: Sequence[Simulation]) -> KeptSimulations:
    """The same of simulations that were just made."""
    voxel_mm = found[0].voxel_mm if found else 0.0
    document = SimulationsDocument.of([(one, None) for one in found], voxel_mm=voxel_mm)
    return KeptSimulations(
        document, tuple(None if one.injection is None else KeptCement.of(one.injection) for one in found)
    )


def write_simulations(folder: Path, document: SimulationsDocument, found: Sequence[Simulation]) -> tuple[str, ...]:
    """Write the document, its tables, and the cement of its courses; gives the names of the files."""
    named: list[CourseModel] = []
    written: list[str] = []
    for course, own in zip(document.courses, found, strict=True):
        if own.injection is None or course.cement is None:
            named.append(course)
            continue
        stem = f"simulation_{course.level}_{course.course}_cement"
        files = {"cement_file": f"{stem}.nii.gz", "minutes_file": f"{stem}_minutes.nii.gz"}
        kept = KeptCement.of(own.injection)
        for name, field in zip(files.values(), (kept.share, kept.minutes), strict=True):
            write_array(field.array.astype(np.float32), field.geometry, folder / name)
        if kept.body is not None:
            files["body_file"] = f"{stem}_body.nii.gz"
            write_array(kept.body.array.astype(np.uint8), kept.body.geometry, folder / files["body_file"])
        surface = cement_surface(kept)
        if surface is not None:
            files["surface_file"] = f"{stem}.stl"
            files["cells_file"] = f"{stem}.vtu"
            write_whole(folder / files["surface_file"], stl_bytes(surface))
            fields = {"cement_share": kept.share.array, "half_full_min": kept.minutes.array}
            write_cells_vtu(folder / files["cells_file"], kept.share.geometry, kept.share.array >= LEAST_SHARE, fields)
        named.append(course.model_copy(update={"cement": course.cement.model_copy(update=files)}))
        written += files.values()
    for name, text in course_tables(named).items():
        write_whole(folder / name, text.encode())
        written.append(name)
    write_document(folder / SIMULATIONS_FILE, document.model_copy(update={"courses": tuple(named)}))
    return SIMULATIONS_FILE, *written


def read_simulations(folder: Path) -> KeptSimulations:
    """The simulated courses of a case folder with their cement."""
    document = from_json(SimulationsDocument, folder / SIMULATIONS_FILE)
    return KeptSimulations(document, tuple(_cement(folder, course) for course in document.courses))


def _cement(folder: Path, course: CourseModel) -> KeptCement | None:
    told = course.cement
    if told is None or told.cement_file is None or told.minutes_file is None:
        return None
    share = read_voxel_field(folder / told.cement_file, "1")
    body = None if told.body_file is None else read_voxel_field(folder / told.body_file, "1")
    return KeptCement(share, read_voxel_field(folder / told.minutes_file, "min"), body)


def cement_surface(kept: KeptCement) -> Trimesh | None:
    """The surface of the cement, where half of its densest voxel's share is; None where there is none."""
    share = kept.share.array
    if not share.any():
        return None
    return surface_of(share.astype(np.float32), 0.5 * float(share.max()), kept.share.geometry)
