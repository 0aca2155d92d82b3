"""Outside segmenters, each run offline as a program of its own interpreter and read through the label maps."""

from spondyl.spine.segmenters.backends.numbers import verse_labels
from spondyl.spine.segmenters.backends.running import BACKENDS, find_backend, run_backend
from spondyl.spine.segmenters.backends.types import Backend, BackendLabels, BackendSettings, Command, Installation

__all__ = [
    "BACKENDS",
    "Backend",
    "BackendLabels",
    "BackendSettings",
    "Command",
    "Installation",
    "find_backend",
    "run_backend",
    "verse_labels",
]
