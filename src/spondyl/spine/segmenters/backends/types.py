"""What every outside segmenter is asked: is it here, how is it called, what did it write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, Protocol

from spondyl.errors import InputError
from spondyl.studies import LabelImage

HOUR_S = 3600.0


@dataclass(frozen=True)
class BackendSettings:
    """Where an outside segmenter lies on this machine, and how long it may take."""

    program: Path | None = None  # None: the backend's environment variable, else the search path
    weights: Path | None = None  # folder; None: where the tool itself looks
    label_map: str | Path | None = None  # asked for only where a tool's own files do not name its numbers
    device: Literal["cpu", "gpu"] = "cpu"
    time_limit_s: float = HOUR_S  # a lumbar CT takes the slowest of them 10 to 40 minutes on two cores

    def __post_init__(self) -> None:
        if self.device not in ("cpu", "gpu"):
            raise InputError(f"there is no device '{self.device}'; 'cpu' or 'gpu' is expected")
        if not (isfinite(self.time_limit_s) and self.time_limit_s > 0):
            raise InputError(f"a time limit of {self.time_limit_s:g} s was given; a number above 0 is expected")


@dataclass(frozen=True)
class Installation:
    """A backend that was found with its weights: ready to run."""

    backend: str
    program: Path
    version: str | None  # None: its environment does not tell
    weights: Path

    @property
    def words(self) -> str:
        """Name and version."""
        return f"{self.backend} {self.version or 'of unknown version'}"


@dataclass(frozen=True)
class Command:
    """What is run: arguments, program first, and environment variables beside the offline ones."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", MappingProxyType(dict(self.environment)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.arguments, dict(self.environment))


@dataclass(frozen=True, eq=False)
class BackendLabels:
    """What a backend answered, as `build_spine` takes it."""

    labels: LabelImage
    label_map: str | Path | None  # None: the names in `labels` are used
    subregions: LabelImage | None  # SPINEPS alone writes them
    made_by: str  # name and version


class Backend(Protocol):
    """One outside segmenter. It is run as a program of its own interpreter and never imported."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def title(self) -> str:
        """As its makers write it."""
        ...

    @property
    def image_name(self) -> str:
        """Name that the CT's file must have, seen from the temporary folder."""
        ...

    def find(self, settings: BackendSettings) -> Installation:
        """Program, version and weights; an `InputError` says which is missing and what to do."""
        ...

    def command(self, found: Installation, folder: Path, settings: BackendSettings) -> Command:
        """How it is called on the CT in a temporary folder."""
        ...

    def read(self, found: Installation, folder: Path, settings: BackendSettings) -> BackendLabels:
        """What it wrote into the temporary folder."""
        ...
