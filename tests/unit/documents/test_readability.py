"""The formulas on texts counted by hand."""

import pytest

from spondyl.documents.readability import measure_readability, syllables, words_of


def test_english_grade_of_a_counted_text() -> None:
    found = measure_readability("The cat sat. The doctor came.", "en")  # 6 words, 2 sentences, 7 syllables
    assert found.words == 6 and found.words_per_sentence == 3
    assert found.score == pytest.approx(0.39 * 3 + 11.8 * 7 / 6 - 15.59)


def test_german_grade_of_a_counted_text() -> None:
    found = measure_readability("Der Arzt kommt. Die Untersuchung beginnt.", "de")
    # 6 words, 2 sentences; 1 of 6 with three syllables or more; 4 of 6 with one; 2 of 6 longer than six letters
    expected = 0.1935 * 100 / 6 + 0.1672 * 3 + 0.1297 * 200 / 6 - 0.0327 * 400 / 6 - 0.875
    assert found.score == pytest.approx(expected)


def test_spanish_index_of_a_counted_text() -> None:
    found = measure_readability("La casa es blanca. El médico llega.", "es")  # 7 words: 1+2+1+2+1+3+2 = 12 syllables
    assert found.score == pytest.approx(206.835 - 62.3 * 12 / 7 - 3.5)


@pytest.mark.parametrize(
    ("word", "language", "count"),
    [
        *(("bone", "en", 1), ("needle", "en", 2), ("medicine", "en", 3), ("walked", "en", 1), ("doctor", "en", 2)),
        *(("hueso", "es", 2), ("día", "es", 2), ("cirugía", "es", 4), ("agua", "es", 2), ("guía", "es", 2)),
        *(("Knochen", "de", 2), ("Wirbelsäule", "de", 4), ("bei", "de", 1), ("Zement", "de", 2)),
    ],
)
def test_syllables(word: str, language: str, count: int) -> None:
    assert syllables(word, language) == count


def test_languages_without_a_formula_give_counts() -> None:
    found = measure_readability("हड्डी टूटी है। डॉक्टर से पूछें।", "hi")
    assert (found.words, found.words_per_sentence, found.formula, found.score) == (6, 3, None, None)
    assert measure_readability("العظم مكسور. اسأل الطبيب.", "ar").words == 4


def test_nothing_is_nothing() -> None:
    assert measure_readability("12. 13.", "en").words == 0
    assert words_of("L1: 12,5 %") == ["L"]
