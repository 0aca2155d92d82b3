"""Pages of strength say what their rows say: sizes by hand-made rows, the page itself beside its rows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tools.strength_cases import ROWS as CASE_ROWS
from tools.strength_cases import read_rows as read_cases
from tools.strength_coverage import Seen
from tools.strength_coverage import read_rows as read_seen
from tools.strength_pages import both_ends, case_rows, cases_beside
from tools.strength_sizes import PAGE, ROWS, RUNS, Row, changes, missing, read_rows, table, times
from tools.validate_strength import COVERAGE_ROWS, coverage, lows
from tools.validate_strength import PAGE as STRENGTH_PAGE

L3 = Row(
    "tptbox-l3-ct-mr", "L3", "cement", 2.0, 1.5, 5, 1000, 10_000.0, 1000.0, 0.5, 2.0, 0.1, 40, None, "2026-11-28"
)  # fmt: skip
FINE = replace(L3, voxel_mm=1.0, voxels=8000, stiffness_n_per_mm=11_000.0, failure_n=900.0, path_seconds=32.0)
OTHER = replace(L3, case="lidc-0001-thoracic", level="T9", ct_mm=2.5, failure_n=2000.0)
FINE_OTHER = replace(OTHER, voxel_mm=1.0, failure_n=2200.0, voxels=8000, path_seconds=16.0)


def test_changes_are_of_the_same_vertebra() -> None:
    """900 of 1000 and 2200 of 2000 N: 1.00 on average, from 0.90 to 1.10; stiffness 1.1 and 1."""
    assert changes([L3, OTHER, FINE, FINE_OTHER]).splitlines()[2:] == [
        "| cement | 1 | 2 | 1.05 (1.00 to 1.10) | 1.00 (0.90 to 1.10) |"
    ]


def test_voxels_finer_than_the_ct_are_marked() -> None:
    """1 mm on a CT of 1.5 mm; 2 mm on one of 2.5 mm too, not 2 mm on the first."""
    marked = ["upsampled" in line for line in table([L3, FINE, OTHER]).splitlines()[2:]]
    assert marked == [False, True, True]


def test_what_is_not_made_yet_is_told() -> None:
    """Two vertebrae at five sizes, of which 0.75 mm is asked of another case alone: eight models less three."""
    assert missing([L3, OTHER, FINE]) == (
        "Not made yet: 2 between discs at 2 mm, 2 between caps at 1.5 mm, 1 between caps at 1 mm."
    )
    sizes = [replace(L3, ends=ends, voxel_mm=size) for ends, size in RUNS]
    assert missing(sizes) == "None is left to be made."


def test_time_is_told_by_the_work() -> None:
    """2 s over 1000 voxels and 40 cycles are 50 µs; 32 and 16 s over 8000 are 100 and 50, on average 75."""
    ends = [line.split("|")[-2].strip() for line in times([L3, FINE, FINE_OTHER]).splitlines()[2:]]
    assert ends == ["50.00", "75.00"]


def test_bodies_that_lie_low_are_counted() -> None:
    seen = [Seen(1, "L1", 1.0, 70.0, force, 1000.0, 0.1, 0.1) for force in (800.0, 1100.0)]
    assert lows(seen) == "1 of 2 lie low (all: -20 to +10 %)"


def test_the_page_of_sizes_is_that_of_its_rows() -> None:
    """When this fails: python -m tools.strength_sizes."""
    rows, page = read_rows(ROWS), PAGE.read_text()
    assert rows
    for part in (changes(rows), table(rows), times(rows)):
        assert part in page


@pytest.mark.parametrize("part", [cases_beside, case_rows, both_ends])
def test_the_page_of_strength_is_that_of_its_cases(part) -> None:
    """When this fails: python -m tools.validate_strength."""
    assert part(read_cases(CASE_ROWS)) in STRENGTH_PAGE.read_text()


@pytest.mark.parametrize("part", [coverage, lows])
def test_the_page_of_strength_is_that_of_its_scans(part) -> None:
    assert part(read_seen(COVERAGE_ROWS)) in STRENGTH_PAGE.read_text()
