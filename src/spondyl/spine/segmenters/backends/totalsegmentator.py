"""TotalSegmentator 2: the vertebrae and the sacrum of its task `total`, with the names it writes into the file."""

from __future__ import annotations

import json
from pathlib import Path

from spondyl.errors import InputError
from spondyl.spine.label_maps import load_names, read_level_name
from spondyl.spine.segmenters.backends.programs import find_program, refuse_other_major, told_folder, version_beside
from spondyl.spine.segmenters.backends.types import BackendLabels, BackendSettings, Command, Installation
from spondyl.studies import read_label_image

_DATASETS = {"Dataset292": "the vertebrae", "Dataset298": "finding them roughly first"}
_HOME = "totalsegmentator-home"


class TotalSegmentator:
    """Called with the structures that are wanted, so that only their network runs.

    Its home folder is a new one inside the temporary folder, where its settings say that no usage is reported; the
    user's own settings are neither read nor changed.
    """

    name, title, image_name = "totalsegmentator", "TotalSegmentator", "ct.nii.gz"

    def find(self, settings: BackendSettings) -> Installation:
        """Program, version 2, and the two networks."""
        program = find_program(self.title, "TotalSegmentator", settings)
        version = version_beside(program, "TotalSegmentator")
        refuse_other_major(self.title, version, (2,))
        return Installation(self.title, program, version, _weights(settings))

    def command(self, found: Installation, folder: Path, settings: BackendSettings) -> Command:
        """One multi-label file of the vertebrae, on the CT's own grid."""
        home = folder / _HOME
        home.mkdir()
        wishes = {"totalseg_id": "not-reported", "send_usage_stats": False, "prediction_counter": 0}
        (home / "config.json").write_text(json.dumps(wishes), "utf-8")
        names = [name for name in load_names("totalseg").values() if read_level_name(name) is not None]
        wanted = [name if name == "sacrum" else f"vertebrae_{name}" for name in names]
        arguments = ["-i", str(folder / self.image_name), "-o", str(folder / "labels.nii.gz"), "--ml", "-ta", "total"]
        arguments += ["-rs", *wanted, "-d", settings.device]
        environment = {"TOTALSEG_HOME_DIR": str(home), "TOTALSEG_WEIGHTS_PATH": str(found.weights)}
        return Command((str(found.program), *arguments), environment)

    def read(self, found: Installation, folder: Path, settings: BackendSettings) -> BackendLabels:
        """The multi-label file; its numbers are read through the names in it, since they differ between versions."""
        labels = read_label_image(folder / "labels.nii.gz")
        if labels.names is None and settings.label_map is None:
            raise InputError(
                f"{found.words} wrote numbers without names, and its versions number vertebrae differently; say which "
                "numbers these are (--label-map totalseg, totalseg-v3 or totalseg-v1)"
            )
        return BackendLabels(labels, settings.label_map, None, found.words)


def _weights(settings: BackendSettings) -> Path:
    """The folder of the trained networks, with the ones that are needed in it."""
    usual = (told_folder("TOTALSEG_HOME_DIR") or Path.home() / ".totalsegmentator") / "nnunet" / "results"
    folder = settings.weights or told_folder("TOTALSEG_WEIGHTS_PATH") or usual
    missing = [
        f"{name}_* ({purpose})"
        for name, purpose in _DATASETS.items()
        if not any(folder.glob(f"{name}_*/*/fold_*/checkpoint_final.pth"))
    ]
    if missing:
        raise InputError(
            f"TotalSegmentator's weights are not complete in '{folder}': {' and '.join(missing)} not found, each with "
            "a fold_*/checkpoint_final.pth. Nothing is downloaded from here: get them with its own program "
            "totalseg_download_weights -t total, and give the folder (--backend-weights or TOTALSEG_WEIGHTS_PATH)"
        )
    return folder.absolute()
