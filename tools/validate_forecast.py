"""Experiment behind docs/validation/forecast.md: which trial rows may be used, how trials foretell one another.

Run as `python -m tools.validate_forecast`; `make validate` runs it with the other experiments.
"""

from __future__ import annotations

import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from scipy.stats import chi2

from spondyl.evidence import TrialRow, trial_rows
from spondyl.outcomes.pooling import Group, comparable_groups
from spondyl.outcomes.published import published_differences
from tools.fit_outcomes import CAUSES, fit, left_out, pooled

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "forecast.md"

# What was looked for in public texts and could not be read, trial by trial.
NOT_READ = (
    (
        "VERTOS IV, arms by time",
        "the abstract gives differences alone; the article (PMC5941218) is open, but only its beginning could be read: "
        "its table is the first to read next",
    ),
    ("VERTOS II, pain", "only beginnings of texts could be read, which stop before the findings"),
    (
        "Buchbinder 2009",
        "only the beginning of the text could be read; a later analysis (Staples 2011) gives its pain at the start as "
        "7.3 (sd 2.2) in both arms together, near the recalled 7.4 and 7.1",
    ),
    ("INVEST, arms by time", "the beginning holds the abstract, with differences alone"),
    ("INVEST, disability at one month", "the interval (-1.3 to 2.8) was read, its point estimate was not"),
    ("VAPOUR, mean pain and disability by time", "abstract and summary give the share below 4 of 10 alone"),
    ("FREE, pain, disability and EQ-5D", "the abstract gives SF-36 alone"),
    ("CAFE, control arm", "only beginnings of texts could be read, which stop before it"),
    ("Chen 2014", "no text of this trial was found"),
)


def main() -> None:
    """Write the page."""
    PAGE.write_text("\n".join(lines()) + "\n", encoding="utf-8")


def lines() -> Iterator[str]:
    rows = trial_rows()
    yield "# Forecast: what stands behind it"
    yield ""
    yield f"Made by `python -m tools.validate_forecast` on {datetime.now(UTC):%Y-%m-%d}, commit {_commit()}."
    yield ""
    yield from _counts(rows)
    yield from _read(rows)
    yield from _unread(rows)
    for cause in CAUSES:
        for group in comparable_groups(published_differences(cause)):
            yield from _checks(group, cause)
    yield "## What this does not show"
    yield ""
    yield "- Three trials are few: neither the spread between trials nor a failure of the model could be seen."
    yield "- VERTOS IV took acute, VERTOS V old fractures; most controls of INVEST changed arms after a month."
    yield "- VERTOS IV compares means, VERTOS V changes from the start. Two of the three would be too few to pool."
    yield "- A list of errors is no coverage: none is claimed."


def _counts(rows: tuple[TrialRow, ...]) -> Iterator[str]:
    read = sum(row.verification is not None for row in rows)
    verified = sum(row.verified for row in rows)
    yield f"Of {len(rows)} rows of the trial table {verified} are verified; {read} of these were read again for this"
    yield f"page, with place and quotation. {len(rows) - verified} are not verified and have no figure in the program."
    yield "No row became verified that was not so before: of the public texts only beginnings could be read, no table"
    yield "of arms."
    yield ""


def _read(rows: tuple[TrialRow, ...]) -> Iterator[str]:
    yield "## Rows read, with quotation"
    yield ""
    yield "| trial | arm | outcome | day | figure | where | quoted |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        if row.verification is not None:
            place = f"[{row.verification.page_or_table}]({row.verification.address})"
            cells = (row.design.name, row.arm, row.outcome, str(row.time_days), f"{row.value:g}", place)
            yield f"| {' | '.join(cells)} | {row.verification.quoted} |"
    yield ""


def _unread(rows: tuple[TrialRow, ...]) -> Iterator[str]:
    open_rows: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        open_rows[row.design.name] += not row.verified
    yield "## Rows not read"
    yield ""
    yield ", ".join(f"{name} {count}" for name, count in open_rows.items() if count) + "."
    yield ""
    yield "| looked for | what was found |"
    yield "|---|---|"
    yield from (f"| {what} | {found} |" for what, found in NOT_READ)
    yield ""


def _checks(group: Group, cause: str) -> Iterator[str]:
    first, found = group[0], fit(group)
    told = pooled(group, cause)
    yield f"## {first.outcome.capitalize()}, {first.course} against control, {first.kind}, day {first.time_days}"
    yield ""
    yield f"{found.trials} trials: mean {told['value']:.2f} ({told['low']:.2f} to {told['high']:.2f}) {first.unit};"
    yield f"in a further trial {told['next_low']:.2f} to {told['next_high']:.2f}."
    yield f"Standard deviation between trials {found.between:.2f}."
    yield f"Predictive check: Cochran's Q {found.q:.2f} on {found.trials - 1} degrees of freedom,"
    yield f"p {chi2.sf(found.q, found.trials - 1):.2f}; small trials would differ unseen."
    yield ""
    yield "Each trial left out and predicted from the others:"
    yield ""
    yield "| trial | row | published | predicted from the others | error | its own 95 % interval |"
    yield "|---|---|---|---|---|---|"
    for one in left_out(group):
        shown = one.left_out
        row = f"{shown.outcome}, day {shown.time_days}, n {shown.n}"
        yield (
            f"| {shown.trial_name} | {row} | {shown.value:.2f} | {one.predicted:.2f} | {one.error:+.2f} | "
            f"{shown.low:.2f} to {shown.high:.2f} |"
        )
    yield ""


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    main()
