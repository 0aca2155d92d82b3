"""The gallery: every example runs, its picture is drawn, and its results are what its prose says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spondyl.spine import Side

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(name).stem, GALLERY / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(figure: Figure) -> None:
    FigureCanvasAgg(figure).draw()
    assert all(axes.lines for axes in figure.axes)


def test_a_thinner_needle_never_has_a_worse_class() -> None:
    module = example("planning/plot_gauge_and_class.py")
    found = module.plans()
    for level in module.LEVELS:
        for side in Side:
            heights = [module.class_height(found[level, gauge], side) for gauge in module.GAUGES]
            assert heights == sorted(heights)  # gauges stand from thick to thin
    refused = [refusal for plan in found.values() for refusal in plan.refused]
    assert all(refusal.largest_gauge is None or refusal.largest_gauge > refusal.gauge for refusal in refused)
    assert {module.class_height(plan, side) for plan in found.values() for side in Side} > {3}, "not all may be A"
    drawn(module.draw(found))


def test_one_needle_ends_nearer_to_the_midline_and_turns_further_inwards() -> None:
    module = example("planning/plot_one_or_two_needles.py")
    vertebra, one, two = module.plans()
    ((_, off, inward, canal),) = module.table(vertebra, one)
    pair = module.table(vertebra, two)
    assert [side for side, *_ in pair] == ["left", "right"]
    assert off < min(row[1] for row in pair) and inward > max(row[2] for row in pair)
    assert canal <= max(row[3] for row in pair)  # what the steeper angle costs
    drawn(module.draw(vertebra, one, two))


def test_the_mirror_image_has_each_needle_on_the_other_side() -> None:
    """The same class and room. Lines with room that is equal to 0.1 mm may change places, and they lie 2 mm apart."""
    module = example("planning/plot_mirrored_patient.py")
    one, other = module.plans()
    pairs = module.pairs(one, other)
    assert len(pairs) == 2
    for path, opposite in pairs:
        assert bool(path.entry[0] > 0) is (path.side is Side.LEFT)  # LPS: +x is the patient's left
        assert bool(opposite.entry[0] > 0) is (opposite.side is Side.LEFT) and opposite.side is not path.side
        room = [min(clearance.value_mm for clearance in each.clearances) for each in (path, opposite)]
        assert room[0] == pytest.approx(room[1], abs=0.1)
        assert opposite.entry * [-1, 1, 1] == pytest.approx(path.entry, abs=2.0)
        assert opposite.angles.table_inward_deg == pytest.approx(path.angles.table_inward_deg, abs=1.0)
        assert opposite.access_class is path.access_class
    drawn(module.draw(one, other))


def test_a_pillar_and_a_slab_are_the_limits_of_case_a02() -> None:
    """700 and 363.2 MPa, and shorter pillars between; three millimetres of bone cost more than a third of the gain."""
    module = example("strength/plot_pillar_or_slab.py")
    found = module.table()
    assert found["pillar of 30 mm"] == pytest.approx(700.0, rel=1e-6)
    assert found["slab"] == pytest.approx(1 / (0.8 / 300 + 0.2 / 2300), rel=1e-6)
    between = [found[f"pillar of {2 * height} mm"] for height in module.HEIGHTS]
    assert between == sorted(between, reverse=True) and between[-1] > found["slab"] > found["no cement"]
    assert (found["pillar of 24 mm"] - 300) / (found["pillar of 30 mm"] - 300) < 2 / 3
    drawn(module.draw(found))


@pytest.mark.parametrize("path", sorted(GALLERY.rglob("*.py")), ids=lambda path: path.stem)
def test_each_example_is_short_begins_with_prose_and_stands_in_the_documentation(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert path.name.startswith("plot_") and lines[0] == '"""' and set(lines[2]) == {"="} and len(lines) <= 80
    page = (ROOT / "docs" / "gallery.md").read_text("utf-8")
    assert f"examples/{path.relative_to(GALLERY).as_posix()}" in page
