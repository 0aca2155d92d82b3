"""Each section of the booklet can be read at an age of about 12; the page of measurements is up to date."""

import pytest

from spondyl.documents.languages import language_codes
from tools.measure_booklet import PAGE, measured, page

# Highest grade, or lowest index, of a section: reading age 12 is United States grade 7, German grade 6, and a
# Szigriszt index of 65 ("quite easy"). For Hindi and Arabic: words per sentence as in plain-language advice (15 to 20).
HIGHEST = {"en": 7.0, "de": 6.0}
LOWEST = {"es": 65.0}
LONGEST_SENTENCE = {"en": 12.0, "es": 15.0, "de": 12.0, "hi": 18.0, "ar": 13.0}
LONGEST_WORD = {"en": 5.0, "es": 5.6, "de": 6.8, "hi": 4.6, "ar": 5.5}  # letters, mean of a section


@pytest.mark.parametrize("code", language_codes())
def test_each_section_is_easy_to_read(code: str) -> None:
    for name, found in measured(code).items():
        assert found.words > 20, name
        assert found.words_per_sentence <= LONGEST_SENTENCE[code], name
        assert found.letters_per_word <= LONGEST_WORD[code], name
        if code in HIGHEST:
            assert found.score is not None and found.score <= HIGHEST[code], name
        if code in LOWEST:
            assert found.score is not None and found.score >= LOWEST[code], name


def test_the_page_of_measurements_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == page()
