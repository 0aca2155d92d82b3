"""How hard a text is to read, by published formulas; where a language has none that is known to hold, by counts.

A reading age is the school grade plus six (Germany: grade 1 at 6) or plus five (United States: kindergarten at 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

_SENTENCE_END = re.compile(r"(?<=[.!?:؟।])\s+")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*", re.UNICODE)
_DEVANAGARI = re.compile(r"[\u0900-\u097F]+")


@dataclass(frozen=True)
class Readability:
    """Counts of a text, and the formula of its language where there is one."""

    words: int
    words_per_sentence: float
    letters_per_word: float
    formula: str | None  # name; None: counts alone
    score: float | None


def measure_readability(text: str, language: str) -> Readability:
    """Sentence length, word length and the formula of the language.

    English: Flesch-Kincaid grade [1]. Spanish: Szigriszt-Pazos index, 100 is easiest [2]. German: first Vienna
    formula, a school grade [3]. Syllables come from hyphenation points, of which a dictionary leaves out some at the
    ends of words, so short words of two syllables may count as one.

    References
    ----------
    [1] Kincaid, Fishburne, Rogers, Chissom 1975, Research Branch Report 8-75.
    [2] Szigriszt Pazos 1993, thesis, Universidad Complutense de Madrid; scale by Barrio-Cantalejo et al. 2008.
    [3] Bamberger, Vanecek 1984, "Lesen - Verstehen - Lernen - Schreiben".
    """
    sentences = [words for part in _SENTENCE_END.split(text) if (words := words_of(part))]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return Readability(0, 0.0, 0.0, None, None)
    per_sentence = len(words) / len(sentences)
    letters = sum(len(word) for word in words) / len(words)
    formula = _FORMULAS.get(language)
    if formula is None:
        return Readability(len(words), per_sentence, letters, None, None)
    name, compute = formula
    return Readability(len(words), per_sentence, letters, name, compute(words, per_sentence, language))


def words_of(text: str) -> list[str]:
    """The words of a text; numbers and signs are none. Devanagari keeps its vowel signs."""
    found = _DEVANAGARI.findall(text)
    return found if found else _WORD.findall(text)


def syllables(word: str, language: str) -> int:
    """Syllables of a word: one more than its hyphenation points, and never fewer than its groups of vowels tell."""
    return max(len(_dictionary(language).positions(word.lower())) + 1, _vowel_groups(word.lower(), language))


def _vowel_groups(word: str, language: str) -> int:
    if language == "en":
        word = re.sub(r"(?:(?<=[^aeiouyl])e|(?<=[^aeiouytd])ed|(?<=[^aeiouycsxz])es)$", "", word)
    if language == "es":
        word = re.sub(r"(?<=[gq])u(?=[eéií])", "", word)  # written, not spoken
    return max(1, len(re.findall(_VOWELS[language], word)))


def _flesch_kincaid(words: list[str], per_sentence: float, language: str) -> float:
    return 0.39 * per_sentence + 11.8 * _syllables_per_word(words, language) - 15.59


def _szigriszt(words: list[str], per_sentence: float, language: str) -> float:
    return 206.835 - 62.3 * _syllables_per_word(words, language) - per_sentence


def _vienna(words: list[str], per_sentence: float, language: str) -> float:
    counts = [syllables(word, language) for word in words]
    many = 100 * sum(count >= 3 for count in counts) / len(words)
    one = 100 * sum(count == 1 for count in counts) / len(words)
    long = 100 * sum(len(word) > 6 for word in words) / len(words)
    return 0.1935 * many + 0.1672 * per_sentence + 0.1297 * long - 0.0327 * one - 0.875


def _syllables_per_word(words: list[str], language: str) -> float:
    return sum(syllables(word, language) for word in words) / len(words)


@cache
def _dictionary(language: str) -> Any:
    import pyphen

    return pyphen.Pyphen(lang={"en": "en_US", "es": "es", "de": "de_DE"}[language])


_VOWELS = {
    "en": r"[aeiouy]+",
    "es": r"[aeoáéó](?:[iuy](?![íú]))?|[iu]?[aeoáéó][iuy]?|[íú]|[iuüy]+",
    "de": r"ei|ai|au|eu|äu|ie|aa|ee|oo|[aeiouyäöü]",
}
_FORMULAS = {
    "en": ("Flesch-Kincaid grade", _flesch_kincaid),
    "es": ("Szigriszt-Pazos index", _szigriszt),
    "de": ("first Vienna formula, grade", _vienna),
}
