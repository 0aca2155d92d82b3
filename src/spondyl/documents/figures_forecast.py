"""The picture of the forecast: published differences of pain over a year, sham-controlled and open-label apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spondyl.documents.figures import Picture, png_of
from spondyl.documents.tables import Table
from spondyl.evidence import Comparison
from spondyl.outcomes import Difference, PooledDifference, Prediction

_TICKS = {1: "1 day", 7: "1 week", 30: "1 m", 90: "3 m", 180: "6 m", 365: "1 y"}
_MARKS = ("o", "s", "^", "D", "v", "P", "X")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_PANELS = (Comparison.SHAM, Comparison.OPEN)


def draw_differences(outlook: Prediction) -> Picture:
    """Each published difference of pain with its interval; the pooled one only at the times that have one."""
    pain = [one for one in outlook.differences if one.outcome == "pain"]
    figure = Figure(figsize=(7.2, 3.9), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for axes, kind in zip(panels, _PANELS, strict=True):
        shown = [one for one in pain if one.kind is kind]
        pooled = [one for one in outlook.pooled if one.outcome == "pain" and one.kind is kind]
        _draw_panel(axes, kind, shown, pooled)
    panels[0].set_ylabel("pain: better with the procedure\n[points of 10]")
    title = "Pain: what the procedure adds to its control, by trial"
    return Picture("forecast", title, png_of(figure), _alt(pain, outlook.pooled), _table(pain, outlook.pooled))


def _draw_panel(axes: Axes, kind: Comparison, shown: list[Difference], pooled: list[PooledDifference]) -> None:
    trials = sorted({one.trial for one in shown})
    for number, trial in enumerate(trials):
        _draw_trial(axes, number, [one for one in shown if one.trial == trial])
    for one in pooled:
        style: dict[str, Any] = {"color": "black", "linewidth": 3, "marker": "D", "markersize": 8, "linestyle": "none"}
        error = [[one.value - one.low], [one.high - one.value]]
        axes.errorbar(
            [one.time_days * 1.6], [one.value], error, capsize=5, elinewidth=2.5, label=_pooled_label(one), **style
        )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(0.7, 900)
    axes.set_xticks(list(_TICKS), list(_TICKS.values()), fontsize=8)
    axes.minorticks_off()
    axes.set_title(f"{kind}: {len(trials)} trial{'' if len(trials) == 1 else 's'}", fontsize=10)
    axes.legend(fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)


def _draw_trial(axes: Axes, number: int, points: list[Difference]) -> None:
    shift = 1 + 0.14 * number  # so that intervals at one time stand side by side
    ends = [(one.low, one.high) for one in points]
    below = [0.0 if low is None else one.value - low for one, (low, _) in zip(points, ends, strict=True)]
    above = [0.0 if high is None else high - one.value for one, (_, high) in zip(points, ends, strict=True)]
    style: dict[str, Any] = {"marker": _MARKS[number % len(_MARKS)], "color": _COLOURS[number % len(_COLOURS)]}
    places = [one.time_days * shift for one in points]
    values = [one.value for one in points]
    axes.errorbar(places, values, [below, above], capsize=3, linestyle="none", label=points[0].trial_name, **style)


def _pooled_label(one: PooledDifference) -> str:
    return f"mean of {len(one.trials)} trials"


def _alt(pain: Iterable[Difference], pooled: Iterable[PooledDifference]) -> str:
    trials = {kind: sorted({one.trial_name for one in pain if one.kind is kind}) for kind in _PANELS}
    told = [f"{kind}: {', '.join(names) or 'no trial'}" for kind, names in trials.items()]
    means = [
        f"The mean of {len(p.trials)} trials at one year is {p.value:.1f} ({p.low:.1f} to {p.high:.1f})" for p in pooled
    ]
    return ". ".join(("Differences of pain with their 95 % intervals, against time", *told, *means)) + "."


def _table(pain: Iterable[Difference], pooled: Iterable[PooledDifference]) -> Table:
    rows = [
        (one.trial_name, str(one.kind), str(one.time_days), f"{one.value:.2f}", _text(one.low), _text(one.high))
        for one in pain
    ]
    rows += [
        (_pooled_label(one), str(one.kind), str(one.time_days), f"{one.value:.2f}", _text(one.low), _text(one.high))
        for one in pooled
    ]
    head = ("Trial", "How compared", "Day", "Better by [points of 10]", "Low", "High")
    return Table("Pain: better with the procedure", head, tuple(rows))


def _text(number: float | None) -> str:
    return "not published" if number is None else f"{number:.2f}"
