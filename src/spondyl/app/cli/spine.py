"""`spondyl spine`: the vertebrae of a label image or a bare CT."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spondyl.app.cli.input_options import with_inputs
from spondyl.app.cli.options import AsJson, Force, Out

if TYPE_CHECKING:
    from spondyl.app.inputs import Inputs
    from spondyl.spine import Spine


@with_inputs()
def spine(
    inputs: Inputs,
    out: Out = None,
    force: Force = None,
    as_json: AsJson = False,
) -> None:
    """Find the vertebrae of a label image or a bare CT: levels, axes, surfaces, pedicles, canal, what is doubtful."""
    from spondyl.app.cli.output import print_document, print_lines, progress
    from spondyl.app.inputs import build_from
    from spondyl.app.job import Job
    from spondyl.documents.records import spine_document

    with progress() as tell:
        if out is None:
            found = build_from(inputs, tell)
        else:
            job = Job(out, inputs, force=force or (), tell=tell)
            job.run("spine")
            found = job.spine
    if as_json:
        print_document(spine_document(found))
        return
    print_lines(*_lines(found))
    if out is not None:
        print_lines(f"written to {out / 'spine.json'}")


def _lines(found: Spine) -> list[str]:
    questions = [f"QUESTION  {question.text} {question.action}" for question in found.questions]
    levels = []
    for vertebra in found:
        cut = f"cut towards {', '.join(vertebra.cut)}" if vertebra.is_cut else "whole"
        widths = [f"{p.side.value} pedicle {p.width_mm:.1f} mm" for p in vertebra.pedicles]
        levels.append(f"{vertebra.level.name:<8} " + "; ".join([cut, *widths, *vertebra.remarks]))
    return [*questions, *levels, *(f"note      {note}" for note in found.notes)]
