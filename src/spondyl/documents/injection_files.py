"""Tables that a user gives for an injection: a cement's curve, and the outlets behind the labels of an image."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from itertools import pairwise
from math import exp
from pathlib import Path

from spondyl.errors import InputError
from spondyl.evidence import find_parameter
from spondyl.simulation.cement import GAS_CONSTANT, REFERENCE_C, ZERO_CELSIUS, Cement, activation_energy, find_cement
from spondyl.simulation.outlets import Outlet
from spondyl.studies.tables import read_table_text

CEMENT_COLUMNS = ("brand", "temperature_c", "age_s", "consistency_pa_s_n", "index", "source")
OUTLET_COLUMNS = ("label", "name", "conductance_mm3", "length_mm", "area_mm2", "pressure_kpa")


def read_cement(name_or_path: str) -> Cement:
    """The generic cement of this name, or the curve in a table (.csv) of the columns `CEMENT_COLUMNS`.

    Ages at other temperatures are brought to the reference clock by Arrhenius' law; one index holds for all rows.
    """
    if not name_or_path.endswith(".csv"):
        return find_cement(name_or_path)
    path = Path(name_or_path)
    rows = _rows(path, CEMENT_COLUMNS, ())
    found = []
    for row in rows:
        kelvin = _number(path, row, "temperature_c") + ZERO_CELSIUS
        if kelvin <= 0:
            raise InputError(f"'{path.name}': temperature {row['temperature_c']} C lies below absolute zero; mend it")
        reference = REFERENCE_C + ZERO_CELSIUS
        speed = exp(activation_energy() / GAS_CONSTANT * (1 / reference - 1 / kelvin))
        found.append((_number(path, row, "age_s") * speed, _number(path, row, "consistency_pa_s_n")))
    found = sorted(set(found))  # at mixing, rows of several temperatures are one
    for (age, value), (following, other) in pairwise(found):
        if age == following:
            raise InputError(
                f"'{path.name}': at {age:g} s on the clock of {REFERENCE_C:g} C the consistency is {value:g} and "
                f"{other:g} Pa s^n; one is expected: leave one of the rows out"
            )
    indices = {_number(path, row, "index") for row in rows}
    brands = {row["brand"].strip() for row in rows}
    if len(indices) != 1 or len(brands) != 1:
        raise InputError(
            f"'{path.name}' has brands {sorted(brands)} and indices {sorted(indices)}; one of each is expected"
        )
    plateau = find_parameter("cement.final_viscosity").figure()
    assert isinstance(plateau, int | float)
    values = tuple(value for _, value in found)
    return Cement(
        name=brands.pop(),
        index=indices.pop(),
        ages_s=tuple(age for age, _ in found),
        consistencies_pa_s_n=values,
        plateau_pa_s_n=max(float(plateau), *values),
        activation_j_per_mol=activation_energy(),
        sources=tuple(sorted({row["source"].strip() for row in rows})),
        assumptions=("the cement's curve is the user's own table; temperatures between its rows by Arrhenius' law",),
    )


def read_outlets(labels: str | Path) -> dict[int, Outlet]:
    """The outlets of a label image, from the table beside it: LABELS.nii.gz has LABELS.csv.

    Columns are `OUTLET_COLUMNS`, the last three may be left out. A conductance "open" is a hole that resists nothing.
    """
    image = Path(labels)
    path = image.with_name(image.name.removesuffix(".gz").removesuffix(".nii") + ".csv")
    if not path.is_file():
        raise InputError(
            f"'{path.name}' is not beside '{image.name}'; a table with the columns {', '.join(OUTLET_COLUMNS)} is "
            "expected there: write one row an outlet"
        )
    found: dict[int, Outlet] = {}
    for row in _rows(path, OUTLET_COLUMNS[:3], OUTLET_COLUMNS[3:]):
        label = _number(path, row, "label")
        if label != int(label) or label <= 0 or int(label) in found:
            raise InputError(f"'{path.name}': label {row['label']} is no whole number above 0, or stands there twice")
        is_open = row["conductance_mm3"].strip().lower() == "open"
        found[int(label)] = Outlet(
            row["name"].strip(),
            float("inf") if is_open else _number(path, row, "conductance_mm3"),
            _number(path, row, "length_mm", 0.0),
            _number(path, row, "area_mm2", 0.0) or None,
            _number(path, row, "pressure_kpa", 0.0),
        )
    return found


def _rows(path: Path, needed: Sequence[str], optional: Sequence[str]) -> list[dict[str, str]]:
    reader = csv.DictReader(read_table_text(path).splitlines())
    names = tuple(reader.fieldnames or ())
    if set(needed) - set(names) or set(names) - {*needed, *optional}:
        raise InputError(
            f"'{path.name}' has the columns {', '.join(names)}; {', '.join((*needed, *optional))} are expected"
        )
    rows = [{name: value or "" for name, value in row.items() if name} for row in reader]
    if not rows:
        raise InputError(f"'{path.name}' holds no row under its columns; at least one is expected")
    return rows


def _number(path: Path, row: dict[str, str], name: str, missing: float | None = None) -> float:
    text = row.get(name, "").strip()
    if not text and missing is not None:
        return missing
    try:
        return float(text)
    except ValueError:
        raise InputError(f"'{path.name}': {name} is '{text}'; a number is expected") from None
