"""A killed injection goes on where it was, and ends as one that was never broken off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from spondyl.documents.injection_journal import InjectionJournal
from spondyl.simulation.cement import find_cement
from spondyl.simulation.injection import inject
from spondyl.simulation.injection_model import InjectionModel, build_injection_model
from spondyl.simulation.injection_records import HalfDone, InjectionResult, InjectionSettings, Needle, Portion
from spondyl.simulation.outlets import tube
from spondyl.space import Geometry, Volume

CEMENT = find_cement("generic-medium")
SETTINGS = InjectionSettings(pressure_limit_mpa=1.0)
SCHEDULE = [
    Portion(Needle((6.0, 4.0, 6.0)), 0.4, 4.0, 5.0),
    Portion(Needle((6.0, 8.0, 6.0)), 0.3, 4.0, 5.0),
]


@pytest.fixture(scope="module")
def model() -> InjectionModel:
    """A cube of 10 mm with a vein, which fills on the way."""
    grid = Geometry(np.eye(4), (12, 12, 12))
    bone, labels = np.zeros(grid.shape), np.zeros(grid.shape, np.int16)
    bone[1:-1, 1:-1, 1:-1] = 1
    labels[6, 6, 11] = 1
    return build_injection_model(
        Volume(2e-8 * bone, grid, "m2"),
        Volume(0.9 * bone, grid, "1"),
        outlet_labels=Volume(labels, grid, "1"),
        outlets={1: tube("vein", radius_mm=0.8, length_mm=20.0)},
    )


def run(
    model: InjectionModel, journal: InjectionJournal | None, killed_after: int | None = None
) -> tuple[InjectionResult, int]:
    """An injection with its number of steps in this run."""
    steps = 0

    def step(state: Callable[[], HalfDone]) -> None:
        nonlocal steps
        steps += 1
        if journal is not None:
            journal.keep(state)
        if steps == killed_after:
            raise KeyboardInterrupt

    begun = None if journal is None else journal.begun()
    return inject(model, SCHEDULE, CEMENT, SETTINGS, begun=begun, on_step=step), steps


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_killed_injection_goes_on_and_ends_the_same(model: InjectionModel, tmp_path: Path, share: float) -> None:
    """In the first portion and in the second; to the last bit."""
    whole, steps = run(model, None)
    journal = InjectionJournal(tmp_path / "out", model, SCHEDULE, CEMENT, SETTINGS, every_s=0.0)
    before = round(share * steps)
    with pytest.raises(KeyboardInterrupt):
        run(model, journal, before)
    resumed, rest = run(model, journal)
    assert rest == steps - before
    for item in fields(whole):
        one, other = getattr(whole, item.name), getattr(resumed, item.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(whole.course.tip_kpa, resumed.course.tip_kpa)
    assert whole.leaks == resumed.leaks and whole.warnings == resumed.warnings and whole.leaks[0].volume_ml > 0
    journal.remove()
    assert journal.begun() is None and not list(tmp_path.iterdir())


def test_what_was_broken_off_with_other_inputs_or_is_cut_is_not_taken(model: InjectionModel, tmp_path: Path) -> None:
    journal = InjectionJournal(tmp_path / "out", model, SCHEDULE, CEMENT, SETTINGS, every_s=0.0)
    with pytest.raises(KeyboardInterrupt):
        run(model, journal, 2)
    assert journal.begun() is not None
    other = InjectionJournal(tmp_path / "out", model, SCHEDULE[:1], CEMENT, SETTINGS)
    assert other.begun() is None
    kept = tmp_path / ".out.injection.npz"
    kept.write_bytes(kept.read_bytes()[:200])
    assert journal.begun() is None


def test_it_is_written_now_and_then_alone(model: InjectionModel, tmp_path: Path) -> None:
    run(model, InjectionJournal(tmp_path / "out", model, SCHEDULE, CEMENT, SETTINGS, every_s=3600.0))
    assert not list(tmp_path.iterdir())
