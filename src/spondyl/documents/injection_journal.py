"""A long injection as it stood a moment ago, so that a killed run goes on where it was."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from spondyl import __version__
from spondyl.simulation.cement import Cement
from spondyl.simulation.injection_model import InjectionModel
from spondyl.simulation.injection_records import HalfDone, InjectionSettings, Portion
from spondyl.studies import write_whole

EVERY_S = 5.0


class InjectionJournal:
    """One file beside the folder that the injection is to fill; it bears the key of all that the run hangs on."""

    def __init__(
        self,
        folder: Path,
        model: InjectionModel,
        schedule: Sequence[Portion],
        cement: Cement,
        settings: InjectionSettings,
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._path = folder.parent / f".{folder.name}.injection.npz"
        self._key, self._every = _key_of(model, schedule, cement, settings), every_s
        self._kept = time.monotonic()

    def begun(self) -> HalfDone | None:
        """Where an earlier run of the same inputs was broken off; None where there was none."""
        try:
            with np.load(io.BytesIO(self._path.read_bytes())) as read:
                head = json.loads(str(read["head"]))
                if head["key"] != self._key:
                    return None
                front = {name: read[name] for name in read.files if name != "head"}
            return HalfDone(head["portion"], head["done"], head["flow"], front, head["told"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def keep(self, state: Callable[[], HalfDone]) -> None:
        """Write the state where the last was written long enough ago."""
        if time.monotonic() - self._kept < self._every:
            return
        found, stream = state(), io.BytesIO()
        head = {"key": self._key, "portion": found.portion, "done": found.done, "flow": found.flow}
        arrays: dict[str, Any] = {"head": np.array(json.dumps(head | {"told": dict(found.told)})), **found.front}
        np.savez(stream, **arrays)
        write_whole(self._path, stream.getvalue())
        self._kept = time.monotonic()

    def remove(self) -> None:
        """Take it away: the injection is whole."""
        self._path.unlink(missing_ok=True)


def _key_of(model: InjectionModel, schedule: Sequence[Portion], cement: Cement, settings: InjectionSettings) -> str:
    told = repr((tuple(schedule), cement, settings, model.outlets, model.marrow_viscosity_pa_s, __version__))
    found = sha256(told.encode())
    arrays = [getattr(model, item.name) for item in fields(model)]
    for array in (model.geometry.affine, *(one for one in arrays if isinstance(one, np.ndarray))):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
