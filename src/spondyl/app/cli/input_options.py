"""What a job begins with, as options of every command that begins one: listed once, here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from spondyl.app.cli.options import (
    Anchors,
    Backend,
    BackendGpu,
    BackendMinutes,
    BackendProgram,
    BackendWeights,
    DiscAt,
    LabelMapOption,
    NoDiscAt,
    OptionalLabels,
    OptionalStudy,
    PatientOption,
    Resample,
    Subregions,
)

if TYPE_CHECKING:
    from spondyl.app.inputs import Inputs

Command = Callable[..., None]


def with_inputs(*, study_help: str | None = None) -> Callable[[Command], Command]:
    """Decorator of a command whose first parameter is an `Inputs`: Typer sees the options that it is made of instead.

    `study_help` says what else than a study may stand in its place.
    """

    def decorated(command: Command) -> Command:
        asked = _parameters(_asked)
        if study_help is not None:
            asked["study"] = asked["study"].replace(annotation=_said_of_study(study_help))
        own = dict(list(_parameters(command).items())[1:])

        def run(**said: Any) -> None:
            command(_asked(**{name: said.pop(name) for name in asked}), **said)

        together = {**asked, **own}
        run.__signature__ = inspect.Signature(list(together.values()))  # type: ignore[attr-defined]
        run.__annotations__ = {name: parameter.annotation for name, parameter in together.items()}
        run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
        return run

    return decorated


def _asked(
    study: OptionalStudy = None,
    labels: OptionalLabels = None,
    label_map: LabelMapOption = None,
    subregions: Subregions = None,
    patient: PatientOption = None,
    resample: Resample = False,
    anchor: Anchors = None,
    disc_at: DiscAt = None,
    no_disc_at: NoDiscAt = None,
    backend: Backend = "own",
    backend_program: BackendProgram = None,
    backend_weights: BackendWeights = None,
    backend_minutes: BackendMinutes = None,
    backend_gpu: BackendGpu = False,
) -> Inputs:
    from spondyl.app.inputs import Inputs

    return Inputs.asked(
        study,
        labels,
        label_map=label_map,
        subregions=subregions,
        patient=patient,
        resample=resample,
        anchor=anchor,
        disc_at=disc_at,
        no_disc_at=no_disc_at,
        backend=backend,
        backend_program=backend_program,
        backend_weights=backend_weights,
        backend_minutes=backend_minutes,
        backend_gpu=backend_gpu,
    )


def _said_of_study(text: str) -> Any:
    from pathlib import Path

    return Annotated[Path | None, typer.Argument(help=text, show_default=False)]


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """By keyword, with their annotations as objects; `Inputs` is not imported for that."""
    hints = get_type_hints(function, localns={"Inputs": object}, include_extras=True)
    return {
        name: parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
        for name, parameter in inspect.signature(function).parameters.items()
    }
