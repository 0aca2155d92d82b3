"""`spondyl warmup`: compile the solvers before they are needed."""

from __future__ import annotations

from spondyl.app.cli.options import AsJson


def warmup(as_json: AsJson = False) -> None:
    """Compile the solvers of mechanics, once a machine, so that the first answer does not wait for it."""
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.warm import warm_up
    from spondyl.documents.mechanics import WarmPartModel, WarmupDocument

    with progress() as tell:
        tell("compiling", "begins")
        parts = warm_up()
        tell("compiling", "made")
    if as_json:
        print_document(WarmupDocument(parts=tuple(WarmPartModel.model_validate(part) for part in parts)))
    else:
        print_lines(*(f"{part.name:<18} {part.compiled:>3} compiled, {part.seconds:.1f} s" for part in parts))
