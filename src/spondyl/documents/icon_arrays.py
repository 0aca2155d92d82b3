"""Icon arrays: 1000 squares, one a person, those to whom something happens filled. Plain SVG with a text twin."""

from __future__ import annotations

from collections.abc import Iterator
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
        f"<title>{escape(alt)}</title>{_squares(0, filled, colour)}{_squares(filled, PEOPLE, _EMPTY)}</svg>"
    )


def people_svg(filled: int) -> str:
    """The same 1000 people for the booklet: dark squares and light rings, so that shape alone tells them apart.

    It carries no words: the page gives the numbers beside it and as its text alternative.
    """
    if not 0 <= filled <= PEOPLE:
        raise InputError(f"an icon array of {PEOPLE} people cannot show {filled}: give a count from 0 to {PEOPLE}")
    width, height = ROW * _STEP, PEOPLE // ROW * _STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {width} {height}" width="{width}" height="{height}">'
        f'<rect x="-1" y="-1" width="{width}" height="{height}" fill="#fff"/>'
        f"{_rings(filled, PEOPLE)}{_squares(0, filled, '#7a2e00')}</svg>"
    )


# A row is one dashed line, a dash or a dot a person: a page draws 40 of them a hundred times faster than 1000 shapes.


def _squares(first: int, last: int, colour: str) -> str:
    """Squares number `first` to `last`, row by row from the top left."""
    rows = "".join(f"M{x} {y + _SIZE // 2}h{count * _STEP - _STEP + _SIZE}" for x, y, count in _rows(first, last))
    dashes = f'stroke-width="{_SIZE}" stroke-dasharray="{_SIZE} {_STEP - _SIZE}"'
    return f'<path class="squares" d="{rows}" fill="none" stroke="{colour}" {dashes}/>' if rows else ""


def _rings(first: int, last: int) -> str:
    """Rings number `first` to `last`: grey dots, and smaller white ones on them."""
    half = _SIZE // 2
    rows = "".join(f"M{x + half} {y + half}h{count * _STEP - _STEP + 0.01}" for x, y, count in _rows(first, last))
    dots = f'fill="none" stroke-linecap="round" stroke-dasharray="0.01 {_STEP - 0.01}"'
    layers = (("rings", "#767676", 4.8), ("holes", "#fff", 3.2)) if rows else ()
    return "".join(
        f'<path class="{name}" d="{rows}" stroke="{colour}" stroke-width="{wide}" {dots}/>'
        for name, colour, wide in layers
    )


def _rows(first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Left and top of each row's first person, and how many stand in the row."""
    while first < last:
        end = min(last, (first // ROW + 1) * ROW)
        yield first % ROW * _STEP, first // ROW * _STEP, end - first
        first = end
