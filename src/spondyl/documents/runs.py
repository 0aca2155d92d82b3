"""run.json: how each file of a case folder came to be, and which stages need not run again."""

from __future__ import annotations

import platform
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from spondyl import __version__
from spondyl.documents.files import sha256
from spondyl.documents.models import RunDocument, StageModel
from spondyl.documents.records import RUN_FILE, from_json, write_document
from spondyl.errors import InputError

_PACKAGES = ("numpy", "scipy", "scikit-image", "nibabel", "pydicom", "matplotlib", "weasyprint")


@dataclass
class Progress:
    """What a running stage tells of itself: the files it wrote and its warnings."""

    outputs: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_run(folder: Path) -> RunDocument:
    """The run.json of a case folder, an empty one where there is none yet."""
    path = folder / RUN_FILE
    return from_json(RunDocument, path) if path.exists() else RunDocument(versions=_versions(), stages=())


def find_stage(folder: Path, stage: str) -> StageModel | None:
    """The record of one stage, None where it never ran."""
    return next((s for s in read_run(folder).stages if s.stage == stage), None)


def last_done(folder: Path, stage: str) -> StageModel | None:
    """The record of a stage as it last ended well, also where it went or failed since; None where it never did.

    What a person asked for stands in it, not that its files are there.
    """
    run = read_run(folder)
    return next((s for s in (*run.stages, *run.earlier) if s.stage == stage and s.status == "done"), None)


def is_done(folder: Path, stage: str, inputs: Mapping[str, str], parameters: Mapping[str, Any]) -> bool:
    """Whether the stage ended well, from these very inputs, and its files are still the ones it wrote."""
    record = find_stage(folder, stage)
    if record is None or record.version != __version__:
        return False
    same = record.inputs == dict(inputs) and record.parameters == dict(parameters)
    return same and has_its_files(folder, stage)


def has_its_files(folder: Path, stage: str) -> bool:
    """Whether the stage ended well and its files are still the ones it wrote."""
    record = find_stage(folder, stage)
    if record is None or record.status != "done":
        return False
    return all(_has_hash(folder / name, digest) for name, digest in record.outputs.items())


@contextmanager
def recorded(
    folder: Path, stage: str, inputs: Mapping[str, str], parameters: Mapping[str, Any], seed: int | None = None
) -> Iterator[Progress]:
    """Run a stage and write its record to run.json, also when it fails."""
    progress, started, clock = Progress(), datetime.now(UTC), time.monotonic()

    def record(error: str | None) -> StageModel:
        return StageModel(
            stage=stage,
            status="done" if error is None else "failed",
            inputs=dict(inputs),
            parameters=dict(parameters),
            seed=seed,
            outputs={name: sha256(folder / name) for name in progress.outputs} if error is None else {},
            version=__version__,
            started=started.isoformat(timespec="seconds"),
            seconds=round(time.monotonic() - clock, 3),
            warnings=tuple(progress.warnings),
            error=error,
        )

    with _failure_written(folder, record), _warnings_kept(progress):
        yield progress
    replace_stage(folder, record(None))


@contextmanager
def failure_recorded(folder: Path, stage: str) -> Iterator[None]:
    """Write to run.json that a stage could not begin, when the block fails."""
    with _failure_written(folder, lambda e: _not_begun(stage, e)):
        yield


def replace_stage(folder: Path, record: StageModel) -> None:
    """Write a stage's record to run.json, in place of an older one of the same name."""
    failed = record.status == "failed"
    _write(folder, _without(folder, record.stage, as_earlier=failed), record)


def set_aside(folder: Path, stage: str) -> None:
    """Take a stage out of run.json that is to be made anew; what was asked for stays: see `last_done`."""
    _write(folder, _without(folder, stage, as_earlier=True))


def drop_stage(folder: Path, stage: str) -> None:
    """Take a stage's record out of run.json, where there is one, and what was asked for with it."""
    _write(folder, _without(folder, stage, as_earlier=False))


def _without(folder: Path, stage: str, *, as_earlier: bool) -> RunDocument:
    """run.json without a stage, whose last good end goes among the earlier ones or is forgotten."""
    run, done = read_run(folder), last_done(folder, stage)
    stages, earlier = (tuple(s for s in records if s.stage != stage) for records in (run.stages, run.earlier))
    if as_earlier and done is not None:
        earlier = (*earlier, done)
    return run.model_copy(update={"stages": stages, "earlier": earlier})


def _write(folder: Path, run: RunDocument, *more: StageModel) -> None:
    written = RunDocument(versions=_versions(), stages=(*run.stages, *more), earlier=run.earlier)
    if more or written != read_run(folder):
        write_document(folder / RUN_FILE, written)


@contextmanager
def _failure_written(folder: Path, record: Callable[[str], StageModel]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        replace_stage(folder, record(str(error) if isinstance(error, InputError) else type(error).__name__))
        raise


@contextmanager
def _warnings_kept(progress: Progress) -> Iterator[None]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            counted = Counter(_describe(warning) for warning in caught)
            progress.warnings += [text if count == 1 else f"{text} ({count} times)" for text, count in counted.items()]


def _not_begun(stage: str, error: str) -> StageModel:
    return StageModel(
        stage=stage,
        status="failed",
        inputs={},
        parameters={},
        seed=None,
        outputs={},
        version=__version__,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=0.0,
        warnings=(),
        error=error,
    )


def _has_hash(path: Path, digest: str) -> bool:
    return path.is_file() and sha256(path) == digest


def _describe(warning: warnings.WarningMessage) -> str:
    """The text of our own warnings; of another library's only the kind and place, since it may quote the header."""
    place = Path(warning.filename)
    if "spondyl" in place.parts:
        return str(warning.message)
    return f"{warning.category.__name__} in {place.parent.name}/{place.name}"


def _versions() -> dict[str, str]:
    found = {"spondyl": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
