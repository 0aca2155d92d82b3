"""The command line. Each command calls one public function; what is heavy is imported when it is needed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = (
    *("plan", "info", "segment", "spine", "findings", "relabel", "access", "record", "decide", "forecast", "procedure"),
    *("triage", "recovery"),
    *("report", "booklet", "agree", "fe", "strength", "simulate", "inject", "synth", "warmup", "doctor"),
)

_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]  # every wrong use; typer does not export it by name


class Commands(TyperGroup):
    """The commands; a wrong use of one is told as JSON too where that was asked for."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read what stands before the command."""
        with _usage_errors_as_json():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Read the command's own arguments and run it."""
        with _usage_errors_as_json():
            return super().invoke(ctx)


@contextmanager
def _usage_errors_as_json() -> Iterator[None]:
    try:
        yield
    except _USAGE_ERROR as error:
        if "--json" in sys.argv:
            from spondyl.app.cli.output import print_error

            print_error(error.format_message())  # type: ignore[attr-defined]
        raise


app = typer.Typer(
    name="spondyl",
    cls=Commands,
    help="From a spine CT and a label map to what is broken, how badly, and how sure that is. Research use only.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def spondyl(version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
    """Print the version."""
    if version:
        from spondyl import __version__

        print(__version__)
        raise typer.Exit


for _name in COMMANDS:
    app.command(_name)(getattr(import_module(f"spondyl.app.cli.{_name}"), _name))


def main() -> None:
    """Run the command line; what the user can mend ends with one sentence on stderr and exit code 2.

    Numbers that do not converge end with 3: nothing is wrong with the command, and no result is printed.
    """
    # The fits are small: threads of the linear algebra wait for one another, four times longer than the work takes
    # where the machine has others to serve. It reads this when NumPy is imported, which no command has done yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from spondyl.app.cli.output import fail
    from spondyl.errors import InputError, NotConverged

    try:
        app()
    except InputError as error:
        sys.exit(fail(str(error), as_json="--json" in sys.argv))
    except NotConverged as error:
        sys.exit(fail(f"did not converge: {error}", as_json="--json" in sys.argv, code=3))
    except KeyboardInterrupt:
        sys.exit(fail("interrupted: run the same command again to go on from the last finished stage", code=130))
