"""Every string of the booklet stands in every catalogue: none missing, stale or doubtful, and with the same places."""

from __future__ import annotations

import pytest

from spondyl.documents.languages import (
    ENGLISH,
    Language,
    find_language,
    language_codes,
    placeholders,
    read_catalogue,
)
from spondyl.errors import InputError
from tools.catalogues import source_messages

SOURCE = list(dict.fromkeys(message for message, _ in source_messages()))
TRANSLATED = [code for code in language_codes() if code != ENGLISH]


def test_the_source_is_not_empty() -> None:
    assert len(SOURCE) > 150
    assert "Are you short of breath?" in SOURCE


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_catalogue_holds_the_strings_and_no_others(code: str) -> None:
    told = [message.id for message in read_catalogue(code) if message.id]
    assert set(told) == set(SOURCE)
    assert not read_catalogue(code).obsolete


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_string_is_translated_with_the_same_places(code: str) -> None:
    catalogue = read_catalogue(code)
    for message in catalogue:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        sources = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert len(forms) == (catalogue.num_plurals if len(sources) > 1 else 1), message.id
        for form in forms:
            assert form.strip(), message.id
            _has_same_places(sources, form)


def _has_same_places(sources: tuple[str, ...], form: str) -> None:
    """A form for exactly one or two may say the number in words; it may never hold another place."""
    wanted = placeholders(sources[-1])
    assert placeholders(form) <= wanted, form
    if len(sources) == 1:
        assert placeholders(form) == wanted, form


@pytest.mark.parametrize("code", TRANSLATED)
def test_translations_differ_from_the_source(code: str) -> None:
    spoken = find_language(code)
    same = [m for m in SOURCE if isinstance(m, str) and m not in ("{count} of {total}",) and spoken.text(m) == m]
    assert not same


def test_an_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"there is no language 'xx'; the languages are en"):
        find_language("xx")


def test_what_is_missing_stays_english() -> None:
    assert Language("de", None, {}).text("With {n}", n=3) == "With 3"


def test_unchecked_words_stand_in_english_too() -> None:
    unchecked = Language("de", None, {"Call <now>": ("Rufen Sie <jetzt> an",)})
    assert str(unchecked.both("Call <now>")) == (
        'Rufen Sie &lt;jetzt&gt; an<span class="english" lang="en" dir="ltr">Call &lt;now&gt;</span>'
    )
    signed = Language("de", "A. Person", {"Call <now>": ("Rufen Sie <jetzt> an",)})
    assert str(signed.both("Call <now>")) == "Rufen Sie &lt;jetzt&gt; an"


def test_a_telephone_number_keeps_its_order_among_arabic_words() -> None:
    """Without a direction of its own "+49 30 / 12" would stand as "12 / 30 49+" in a line that runs to the left."""
    arabic = Language("ar", None, {"Call {number}": ("اتصل {number}",)})
    assert str(arabic.both("Call {number}", number=arabic.dialled("+49 30"))).startswith(
        'اتصل <bdi dir="ltr">+49 30</bdi><span'
    )
    assert Language("hi", None, {}).dialled("+49 30") == "+49 30"
    assert "&lt;b&gt;" in arabic.both("Call {number}", number=arabic.dialled("<b>"))
    assert "<b>" not in arabic.both("Call {number}", number="<b>")


def test_numbers_follow_the_language() -> None:
    assert Language("de", None, {}).number(7.5, 1) == "7,5"
    assert Language("en", None, {}).number(1000) == "1,000"
    assert Language("de", None, {}).percent(45) == "45\N{NO-BREAK SPACE}%"


def test_arabic_runs_from_right_to_left() -> None:
    assert Language("ar", None, {}).direction == "rtl"
    assert Language("hi", None, {}).direction == "ltr"
