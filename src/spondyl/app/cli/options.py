"""Options that several commands share, with one wording each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyArgument = Annotated[Path, typer.Argument(help="DICOM folder or zip, or a NIfTI file.", show_default=False)]
OptionalStudy = Annotated[
    Path | None,
    typer.Argument(help="DICOM folder or zip, or a NIfTI file; left out: labels alone.", show_default=False),
]
CaseArgument = Annotated[Path, typer.Argument(help="Case folder that `spondyl plan` wrote.", show_default=False)]
OptionalCase = Annotated[
    Path | None,
    typer.Argument(help="Case folder that `spondyl plan` wrote; left out: the record alone.", show_default=False),
]
OptionalLabels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        help="Label image (NIfTI), or a folder of masks, one a vertebra; left out: they are found in the "
        "CT by the own segmenter.",
        show_default=False,
    ),
]
Anchors = Annotated[
    list[str] | None,
    typer.Option(
        "--anchor",
        help="Say which level something is: L1=slice:412 (from 0), L1=mm:X,Y,Z (patient mm, LPS), L1=label:3 (from the "
        "head), or C=L1 for a lettered vertebra; may be repeated.",
        show_default=False,
    ),
]
DiscAt = Annotated[
    list[str] | None,
    typer.Option(
        "--disc-at",
        help="A level is missing here: there is a disc at X,Y,Z (patient mm, LPS); may be repeated.",
        show_default=False,
    ),
]
NoDiscAt = Annotated[
    list[str] | None,
    typer.Option(
        "--no-disc-at", help="This is not a level: there is no disc at X,Y,Z; may be repeated.", show_default=False
    ),
]
LabelMapOption = Annotated[
    str | None,
    typer.Option(
        help="Whose numbers the labels are: verse, spineps, totalseg, totalseg-v3, totalseg-v1, vertebrae_pp, "
        "vertebrae_mr, or a FILE.tsv with the columns number and name. Needed where the file holds no names.",
        show_default=False,
    ),
]
Subregions = Annotated[
    Path | None, typer.Option(help="Label image of SPINEPS sub-regions on the same grid.", show_default=False)
]
PatientOption = Annotated[
    Path | None, typer.Option(help="TOML or JSON file of the patient's facts.", show_default=False)
]
Resample = Annotated[bool, typer.Option("--resample", help="Accept labels on another grid than the CT's.")]
Out = Annotated[Path | None, typer.Option(help="Case folder to write to; made when missing.", show_default=False)]
Force = Annotated[list[str] | None, typer.Option(help="Run this stage again in any case.", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else on stdout.")]
Languages = Annotated[
    list[str] | None,
    typer.Option(
        "--language",
        help="Write the booklet in this language (ar, de, en, es, hi); may be repeated.",
        show_default=False,
    ),
]
EmergencyNumber = Annotated[
    str | None, typer.Option(help="Your local emergency number; unset: the text says so.", show_default=False)
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        envvar="SPONDYL_SETTINGS",
        help="TOML or JSON file of what holds here: emergency_number, team, lowest_class.",
        show_default=False,
    ),
]
Levels = Annotated[
    list[str] | None,
    typer.Option(
        "--level", help="Plan this level and show it close up whatever its grade; may be repeated.", show_default=False
    ),
]
Backend = Annotated[
    str,
    typer.Option(
        help="Who finds the vertebrae: own, totalsegmentator, spineps or nnunet. The last three must be installed with "
        "their weights (see `spondyl doctor`) and run offline as programs of their own.",
    ),
]
BackendProgram = Annotated[
    Path | None,
    typer.Option(help="Program of the backend; unset: SPONDYL_<BACKEND>, else the search path.", show_default=False),
]
BackendWeights = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the backend's weights; unset: where its own environment variable says.", show_default=False
    ),
]
BackendMinutes = Annotated[float | None, typer.Option(help="Time limit of the backend; unset: 60.", show_default=False)]
BackendGpu = Annotated[bool, typer.Option("--backend-gpu", help="Run the backend on a graphics card.")]
