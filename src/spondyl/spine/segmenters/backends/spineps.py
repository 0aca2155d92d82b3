"""SPINEPS 2: vertebrae in the numbers of VerSe, and their sub-regions."""

from __future__ import annotations

import json
from pathlib import Path

from spondyl.errors import InputError
from spondyl.spine.segmenters.backends.programs import find_program, refuse_other_major, told_folder, version_beside
from spondyl.spine.segmenters.backends.types import BackendLabels, BackendSettings, Command, Installation
from spondyl.studies import LabelImage, read_label_image

_PHASES = ("semantic", "instance", "labeling")
_CONFIG = "inference_config.json"


class Spineps:
    """Called with the folders of its three CT models rather than their names: a name would be downloaded if missing."""

    name, title, image_name = "spineps", "SPINEPS", "sub-spondyl_ct.nii.gz"  # it reads the modality from the name

    def find(self, settings: BackendSettings) -> Installation:
        """Program, version 2 (the first with CT models), and one model for each of its phases."""
        program = find_program(self.title, "spineps", settings)
        version = version_beside(program, "spineps")
        refuse_other_major(self.title, version, (2,))
        told = settings.weights or told_folder("SPINEPS_SEGMENTOR_MODELS")
        if told is None:
            raise InputError(
                "SPINEPS' models are not found: give the folder that holds them (--backend-weights or "
                "SPINEPS_SEGMENTOR_MODELS). Nothing is downloaded from here"
            )
        _models(told)
        return Installation(self.title, program, version, told.absolute())

    def command(self, found: Installation, folder: Path, settings: BackendSettings) -> Command:
        """The three phases on one file."""
        models = _models(found.weights)
        arguments = ["sample", "-i", str(folder / self.image_name)]
        for option, phase in zip(("-ms", "-mv", "-ml"), _PHASES, strict=True):
            arguments += [option, str(models[phase])]
        if settings.device == "cpu":
            arguments.append("--cpu")
        return Command((str(found.program), *arguments), {"SPINEPS_SEGMENTOR_MODELS": str(found.weights)})

    def read(self, found: Installation, folder: Path, settings: BackendSettings) -> BackendLabels:
        """Vertebrae and sub-regions, wherever in its derivatives they lie."""
        vertebrae, parts = (self._written(folder, part) for part in ("vert", "spine"))
        return BackendLabels(vertebrae, settings.label_map or "spineps", parts, found.words)

    def _written(self, folder: Path, part: str) -> LabelImage:
        written = sorted(folder.rglob(f"*seg-{part}_msk.nii.gz"))
        return read_label_image(written[0] if written else folder / f"seg-{part}_msk.nii.gz")


def _models(weights: Path) -> dict[str, Path]:
    """Folder of the CT model of each phase; each phase must have exactly one."""
    found: dict[str, list[Path]] = {phase: [] for phase in _PHASES}
    for config in sorted(weights.rglob(_CONFIG)):
        phase = _phase(config)
        if phase is not None:
            found[phase].append(config.parent)
    for phase, folders in found.items():
        if len(folders) != 1:
            names = ", ".join(folder.name for folder in folders) or "none"
            raise InputError(
                f"of SPINEPS' {phase} models for CT one is expected in '{weights}', found {len(folders)} ({names}): "
                f"give a folder with one each (--backend-weights), as SPINEPS itself unpacks them, with their {_CONFIG}"
            )
    return {phase: folders[0].absolute() for phase, folders in found.items()}


def _phase(config: Path) -> str | None:
    """What a model is for, from its settings; None: not for CT, or not readable.

    Semantic models name the modality they read, instance models read a segmentation, labelling models classify. The
    latter two exist for CT and for MR, told apart by "ct" in the folder's name, as SPINEPS names them.
    """
    try:
        told = json.loads(config.read_text("utf-8"))
        modality, kind = told["modality"], str(told["modeltype"]).lower()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    modalities = {str(one).lower() for one in ([modality] if isinstance(modality, str) else modality)}
    named_ct = "ct" in config.parent.name.lower().replace("-", "_").split("_") or "ct" in modalities
    if kind == "classifier":
        return "labeling" if named_ct else None
    if "seg" in modalities:
        return "instance" if named_ct else None
    return "semantic" if "ct" in modalities else None
