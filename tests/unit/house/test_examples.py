"""The examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import pytest

import spondyl

MODULES = [info.name for info in pkgutil.walk_packages(spondyl.__path__, "spondyl.")]
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples(name: str) -> list[doctest.DocTest]:
    return [test for test in FINDER.find(importlib.import_module(name)) if test.examples]


EXAMPLES = [test for name in MODULES for test in examples(name)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_gives_what_it_says(example: doctest.DocTest) -> None:
    told: list[str] = []
    result = doctest.DocTestRunner().run(example, out=told.append)
    assert result.failed == 0, "".join(told)
