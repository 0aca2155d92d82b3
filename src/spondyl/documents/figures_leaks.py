"""The picture of leaks under doubt: shares of simulated runs by path, and how they grow with the cement given."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spondyl.documents.course_models import CourseModel
from spondyl.documents.figures import Picture, png_of
from spondyl.documents.leak_models import PATHS, WORDS, LeakShareModel
from spondyl.documents.tables import Table
from spondyl.outcomes import scenario_text

COLOURS = dict(zip(PATHS, ("black", "#0072B2", "#56B4E9", "#D55E00", "#E69F00", "#CC79A7", "#009E73"), strict=True))
MARKERS = dict(zip(PATHS, ".^vsDoX", strict=True))
_PERMEABILITY = {"low": "<", "middle": "|", "high": ">"}


def draw_leak_shares(course: CourseModel) -> Picture:
    """Shares by path with their intervals, by permeability, beside published rates; and by volume given."""
    shares = course.leak_shares
    some = shares[0].share
    asked = max(volume for volume, _ in shares[0].by_volume_ml)
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    empty = empty_text(shares[0])
    figure.suptitle(
        f"{course.level}, {some.runs} simulated runs{empty}, {asked:.1f} mL: share that leaked more than 0.1 mL",
        fontsize=9,
    )
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for at, one in enumerate(shares):
        _draw_share(left, at, one, first=at == 0)
    left.set_yticks(range(len(shares)), [PATHS[one.path] for one in shares])
    left.invert_yaxis()
    left.set_xlim(-2, 102)
    left.set_xlabel("share of simulated runs [%]; diamonds: published, of patients or levels [%]")
    for one in shares:
        if one.has_opening and (one.path == "any" or one.share.leaked):
            volumes = [0.0, *(volume for volume, _ in one.by_volume_ml)]
            values = [0.0, *(100 * share for _, share in one.by_volume_ml)]
            right.plot(volumes, values, color=COLOURS[one.path], marker=MARKERS[one.path], label=PATHS[one.path])
    right.set_xlabel("cement given [mL]")
    right.set_ylabel("share of simulated runs [%]")
    right.set_ylim(-2, 102)
    right.legend(fontsize=8)
    handles, words = left.get_legend_handles_labels()
    figure.legend(handles, words, loc="outside lower center", ncols=5, fontsize=8)
    empties = (name for name, share in shares[0].by_scenario.items() if share is None)
    dry = "".join(f" At {name} permeability nothing went in." for name in empties)
    grows = ", ".join(f"{100 * share:.0f} % by {volume:.1f} mL" for volume, share in shares[0].by_volume_ml)
    return Picture(
        f"course-leaks-{course.level}-{course.course}",
        f"{course.level}, {course.course}: share of simulated runs that leaked, by way out",
        png_of(figure),
        f"{some.leaked} of {some.runs} simulated runs{empty} leaked more than 0.1 mL by any way: {grows}. "
        f"{WORDS.capitalize()}.{dry}",
        leak_table(course),
    )


def leak_table(course: CourseModel) -> Table:
    """Runs that leaked by each path, beside what was published."""
    head = (
        "Way out",
        "Share of simulated runs that leaked",
        "Low, middle, high permeability",
        "Goes most with",
        "Published, of patients",
    )
    rows = tuple(_row(one) for one in course.leak_shares)
    return Table(f"{course.level}, {course.course}: leaks of more than 0.1 mL", head, rows)


def empty_text(one: LeakShareModel) -> str:
    """How many more runs there were in which nothing went in; nothing where there were none."""
    return f" (and {one.empty_runs} in which nothing went in)" if one.empty_runs else ""


def _row(one: LeakShareModel) -> tuple[str, ...]:
    name = PATHS[one.path] if one.has_opening or one.path == "any" else f"{PATHS[one.path]} (no way there in the model)"
    scenarios = "; ".join(scenario_text(*each) for each in one.scenarios_to_show) or "alike"
    published = "; ".join(f"{rate.percent:g} % ({rate.what}) [{rate.source}]" for rate in one.published)
    share = one.share
    told = f"{share.leaked} of {share.runs} ({100 * share.low:.0f} to {100 * share.high:.0f} %){empty_text(one)}"
    driver = (one.strongest_input or "told apart by none").replace("_", " ")
    return name, told, scenarios, driver, published or "none verified"


def _draw_share(axes: Axes, at: int, one: LeakShareModel, *, first: bool) -> None:
    if not one.has_opening:
        axes.text(1, at, "no opening in the model", va="center", fontsize=8, color="0.35")
    else:
        axes.barh(at, 100 * one.share.value, height=0.5, color=COLOURS[one.path], alpha=0.55)
        label = "95 % interval, of the number of runs alone" if first else None
        ends = [100 * one.share.low, 100 * one.share.high]
        axes.plot(ends, [at, at], color="black", linewidth=1.2, label=label)
        for scenario, share in one.by_scenario.items():
            if share is None:
                continue
            name = f"{scenario} permeability" if first else None
            axes.plot(100 * share.value, at + 0.33, _PERMEABILITY[scenario], color="0.2", markersize=7, label=name)
    for number, rate in enumerate(one.published):
        label = "published" if first and number == 0 else None
        axes.plot(rate.percent, at - 0.33, "D", color="#0072B2", markersize=5, label=label)
