"""Icon arrays: 1000 squares, one a person, those to whom something happens filled. Plain SVG with a text twin."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from spondyl.errors import InputError
from spondyl.outcomes import Frequency, Meaning

PEOPLE, ROW = 1000, 50
_STEP, _SIZE = 8, 6  # of one square, in units of the drawing
_FILLED = {Meaning.WANTED: "#0072B2", Meaning.UNWANTED: "#D55E00"}  # told apart by colour-blind people too
_EMPTY = "#D9D9D9"


@dataclass(frozen=True)
class IconArray:
    """A picture of 1000 people with its text twin."""

    title: str
    alt: str
    svg: str


def icon_array(title: str, shown: Frequency) -> IconArray:
    """The array of a frequency, each on the same 1000, so that benefit and harm can be compared by eye.

    Parameters
    ----------
    title
        What happens, in whom and by when.
    shown
        The frequency; part of a person is rounded to whole people, and what is not none is at least one.
    """
    filled = max(round(shown.per_1000), 1 if shown.per_1000 > 0 else 0)
    alt = f"{title}: {shown.per_1000:g} of {PEOPLE} people"
    if shown.low is not None and shown.high is not None:
        alt += f" (95 % interval {shown.low:.0f} to {shown.high:.0f})"
    return IconArray(title, f"{alt}.", _svg(f"{alt}.", filled, _FILLED[shown.meaning]))


def _svg(alt: str, filled: int, colour: str) -> str:
    width, height = ROW * _STEP, PEOPLE // ROW * _STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(alt)}">'
        f"<title>{escape(alt)}</title>"
        f'<path fill="{colour}" d="{_squares(0, filled)}"/><path fill="{_EMPTY}" d="{_squares(filled, PEOPLE)}"/></svg>'
    )


def _squares(first: int, last: int) -> str:
    """Squares number `first` to `last`, row by row from the top left."""
    corners = ((number % ROW * _STEP, number // ROW * _STEP) for number in range(first, last))
    return "".join(f"M{x} {y}h{_SIZE}v{_SIZE}h-{_SIZE}z" for x, y in corners)


def people_svg(filled: int) -> str:
    """The same 1000 people for the booklet: dark squares and light rings, so that shape alone tells them apart.

    It carries no words: the page gives the numbers beside it and as its text alternative.
    """
    if not 0 <= filled <= PEOPLE:
        raise InputError(f"an icon array of {PEOPLE} people cannot show {filled}: give a count from 0 to {PEOPLE}")
    width, height = ROW * _STEP, PEOPLE // ROW * _STEP
    rings = "".join(
        f"M{number % ROW * _STEP + 1} {number // ROW * _STEP + 3}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0"
        for number in range(filled, PEOPLE)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {width} {height}" width="{width}" height="{height}">'
        f'<rect x="-1" y="-1" width="{width}" height="{height}" fill="#fff"/>'
        f'<path d="{rings}" fill="none" stroke="#767676" stroke-width="0.8"/>'
        f'<path d="{_squares(0, filled)}" fill="#7a2e00"/></svg>'
    )
