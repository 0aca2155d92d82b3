"""One CT through one outside segmenter, in a temporary folder that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume
from spondyl.spine.segmenters.backends.nnunet import NnUnet
from spondyl.spine.segmenters.backends.programs import run_program
from spondyl.spine.segmenters.backends.spineps import Spineps
from spondyl.spine.segmenters.backends.totalsegmentator import TotalSegmentator
from spondyl.spine.segmenters.backends.types import Backend, BackendLabels, BackendSettings
from spondyl.studies import LabelImage, Progress, write_nifti
from spondyl.studies.progress import silent

BACKENDS: Mapping[str, Backend] = MappingProxyType({b.name: b for b in (TotalSegmentator(), Spineps(), NnUnet())})


def find_backend(name: str) -> Backend:
    """The backend of a name."""
    if name not in BACKENDS:
        raise InputError(f"there is no backend '{name}'; backends are own, {', '.join(BACKENDS)}")
    return BACKENDS[name]


def run_backend(
    ct: Volume,
    backend: str | Backend,
    settings: BackendSettings | None = None,
    *,
    progress: Progress = silent,
) -> BackendLabels:
    """Labels of a CT by an outside segmenter, run offline in its own interpreter.

    Program, version and weights are looked for before anything is written. The CT goes into a temporary folder under
    a name that says nothing of the patient; all that the tool writes stays there and is removed. Its requests to other
    machines fail, as far as it goes by the environment: this is a barrier for well-behaved tools, no sandbox.

    Parameters
    ----------
    ct
        Volume in Hounsfield units.
    backend
        Name (`BACKENDS`) or another one that keeps to the protocol.
    settings
        Program, weights, device and time limit; None: what the environment says, on the processor, one hour.
    progress
        Called with the share done and what is being done; outside tools do not tell how far they are.

    Returns
    -------
    Label image on the grid of the CT, the map to read it with, and sub-regions where the backend has them.

    Raises
    ------
    InputError
        If something is missing, if the tool fails, takes too long, or writes nothing, no label or another grid.
    """
    chosen = find_backend(backend) if isinstance(backend, str) else backend
    wishes = settings or BackendSettings()
    found = chosen.find(wishes)
    with tempfile.TemporaryDirectory(prefix="spondyl-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        image = folder / chosen.image_name
        image.parent.mkdir(exist_ok=True)
        progress(0.0, "writing the CT for the backend")
        write_nifti(ct, image)
        progress(0.05, f"{found.words} is running")
        run_program(chosen.title, chosen.command(found, folder, wishes), folder, wishes.time_limit_s)
        progress(0.95, "reading what it wrote")
        try:
            answer = chosen.read(found, folder, wishes)
        except InputError as error:
            raise InputError(f"{found.words} ended well, but its labels cannot be used: {error}") from error
    labels = _on_grid(answer.labels, ct.geometry, chosen.title)
    parts = None if answer.subregions is None else _on_grid(answer.subregions, ct.geometry, chosen.title)
    progress(1.0, "done")
    return replace(answer, labels=labels, subregions=parts)


def _on_grid(labels: LabelImage, grid: Geometry, title: str) -> LabelImage:
    """Labels with the CT's own geometry, its frame of reference too; another grid is refused."""
    given = labels.labels.geometry
    if not given.is_same_grid(grid):
        shapes = " and ".join(" x ".join(map(str, shape)) for shape in (given.shape, grid.shape))
        raise InputError(
            f"the labels of {title} lie on another grid than the CT it was given (voxels: {shapes}); the same grid is "
            "expected: its installation may be broken, run it alone and look at its result"
        )
    return replace(labels, labels=Volume(labels.labels.array, grid, "1"))
