"""Outside segmenters in a job: what was asked for, and their labels in the case folder, made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from spondyl.documents.backend_labels import write_backend_labels
from spondyl.documents.runs import find_stage
from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.spine import load_label_map
from spondyl.spine.segmenters.backends import BackendLabels, BackendSettings, find_backend, run_backend
from spondyl.studies import Progress, read_label_image
from spondyl.studies.progress import silent

STAGE = "backend"
LABELS_FILE, PARTS_FILE = "backend_labels.nii.gz", "backend_labels_parts.nii.gz"


@dataclass(frozen=True)
class BackendWish:
    """Which outside segmenter was asked for, and how to run it."""

    name: str
    settings: BackendSettings

    def __post_init__(self) -> None:
        find_backend(self.name)
        if self.settings.label_map is not None:
            load_label_map(self.settings.label_map)

    @classmethod
    def asked(
        cls,
        name: str,
        *,
        program: Path | None = None,
        weights: Path | None = None,
        label_map: str | None = None,
        gpu: bool = False,
        minutes: float | None = None,
    ) -> BackendWish | None:
        """The wish of a command line; None: the own segmenter."""
        if name != "own":
            limit = BackendSettings().time_limit_s if minutes is None else 60.0 * minutes
            return cls(name, BackendSettings(program, weights, label_map, "gpu" if gpu else "cpu", limit))
        given = {"program": program, "weights": weights, "label map": label_map, "GPU": gpu or None, "minutes": minutes}
        if told := [words for words, value in given.items() if value is not None]:
            raise InputError(
                f"{' and '.join(told)}: given for an outside segmenter, but none is named; name it with --backend, or "
                "leave this out"
            )
        return None


def backend_needs(hashes: Mapping[str, str], wish: BackendWish) -> tuple[dict[str, str], dict[str, str | None]]:
    """What a backend's labels rest on: the files of the CT, and the program that is installed now."""
    found = find_backend(wish.name).find(wish.settings)
    told = None if wish.settings.label_map is None else str(wish.settings.label_map)
    parameters = {"made_by": found.words, "weights": found.weights.name, "label_map": told}
    return {f"study: {name}": digest for name, digest in hashes.items()}, parameters


def make_backend_labels(folder: Path, ct: Volume, wish: BackendWish, *, progress: Progress = silent) -> list[str]:
    """Run a backend on a CT and write its labels into the case folder; gives the names of the files."""
    (folder / PARTS_FILE).unlink(missing_ok=True)
    document = write_backend_labels(folder / LABELS_FILE, run_backend(ct, wish.name, wish.settings, progress=progress))
    return [Path(file).name for file in (document.labels, document.parts) if file is not None]


def read_backend_labels(folder: Path) -> BackendLabels:
    """The labels of the backend as they stand in the case folder."""
    record = find_stage(folder, STAGE)
    made_by = "an outside segmenter" if record is None else str(record.parameters["made_by"])
    parts = folder / PARTS_FILE
    subregions = read_label_image(parts) if parts.is_file() else None
    return BackendLabels(read_label_image(folder / LABELS_FILE), None, subregions, made_by)
