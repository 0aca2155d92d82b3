"""The languages of the patient's documents: English strings in the templates, gettext catalogues beside them.

The catalogues are read as they are (.po); nothing is compiled when the package is built.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from gettext import c2py
from importlib.resources import files
from typing import Any

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup, escape

from spondyl.errors import InputError

ENGLISH = "en"
REVIEWER_FIELD = "X-Reviewed-By"  # of a catalogue's header: name of the person who checked it; empty: nobody has
_PLACEHOLDER = re.compile(r"\{\w+\}")


@dataclass(frozen=True, eq=False)
class Language:
    """One language: its words, its numbers, and who checked them."""

    code: str
    reviewer: str | None  # None: no named reviewer has signed the catalogue
    messages: Mapping[str | tuple[str, str], tuple[str, ...]]

    @property
    def is_checked(self) -> bool:
        """Whether its words may stand alone. English is the source and may."""
        return self.code == ENGLISH or self.reviewer is not None

    @property
    def direction(self) -> str:
        """rtl or ltr, as HTML writes it."""
        return str(Locale.parse(self.code).text_direction)

    def text(self, message: str, **values: object) -> str:
        """The message in this language, its places filled. A message that is not there stays English."""
        found = self.messages.get(message, (message,))[0]
        return found.format_map(values) if values else found

    def plural(self, singular: str, plural: str, count: int, **values: object) -> str:
        """The form of the message that goes with a count."""
        if self.code == ENGLISH or (singular, plural) not in self.messages:
            return (singular if count == 1 else plural).format_map(values)
        forms = self.messages[singular, plural]
        return forms[min(_plural_index(self.code, count), len(forms) - 1)].format_map(values)

    def both(self, message: str, cited: Markup | None = None, **values: object) -> Markup:
        """The message for what must not be misread: in this language and, until somebody checked it, in English too.

        `cited` are links to its sources; they stand behind the own words.
        """
        own = escape(self.text(message)).format(**values) + (cited or Markup(""))
        if self.is_checked:
            return own
        english = escape(message).format(**values)
        return Markup('{}<span class="english" lang="en" dir="ltr">{}</span>').format(own, english)

    def dialled(self, number: str) -> str:
        """A telephone number that keeps the order of its groups where words run from right to left."""
        return Markup('<bdi dir="ltr">{}</bdi>').format(number) if self.direction == "rtl" else number

    def number(self, value: float, decimals: int = 0) -> str:
        """A number as this language writes it."""
        return format_decimal(round(value, decimals), locale=self.code)

    def percent(self, value: float) -> str:
        """A percentage, of a value where 50 is a half."""
        return format_percent(round(value) / 100, locale=self.code)


@cache
def find_language(code: str) -> Language:
    """The language of a code; an `InputError` that names the known ones."""
    if code not in language_codes():
        raise InputError(f"there is no language '{code}'; the languages are {', '.join(language_codes())}")
    if code == ENGLISH:
        return Language(ENGLISH, None, {})
    catalogue = read_catalogue(code)
    header = dict(catalogue.mime_headers)
    return Language(code, header.get(REVIEWER_FIELD, "").strip() or None, dict(_messages(catalogue)))


def language_codes() -> tuple[str, ...]:
    """English and every language with a catalogue."""
    names = (entry.name for entry in files("spondyl.documents").joinpath("locales").iterdir())
    return (ENGLISH, *sorted(name.removesuffix(".po") for name in names if name.endswith(".po")))


@cache
def read_catalogue(code: str) -> Catalog:
    """The catalogue of a language as gettext's tools see it."""
    path = files("spondyl.documents").joinpath("locales", f"{code}.po")
    with path.open("rb") as stream:
        return read_po(stream, locale=code)


def placeholders(text: str) -> frozenset[str]:
    """The places of a message that are filled in."""
    return frozenset(_PLACEHOLDER.findall(text))


def _messages(catalogue: Catalog) -> Any:
    """All messages that are translated and not marked as doubtful."""
    for message in catalogue:
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        if message.id and not message.fuzzy and all(forms):
            yield message.id, tuple(str(form) for form in forms)


@cache
def _plural_index(code: str, count: int) -> int:
    """Which of a message's forms goes with a count, by the rule in the catalogue's header."""
    return int(c2py(read_catalogue(code).plural_expr)(count))
