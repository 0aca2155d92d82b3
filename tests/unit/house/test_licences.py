"""Only permissive licences go out with the program."""

import json
import re
from email.message import Message

import pytest

from tools.check_licences import closure, declared, is_allowed, licences, main, npm_licences


class Made:
    """A distribution with the words of its own that a test gives it."""

    def __init__(self, name: str, *requires: str, **words: str | list[str]) -> None:
        self.requires = list(requires)
        self.metadata = Message()
        self.metadata["Name"] = name
        for key, value in words.items():
            for line in [value] if isinstance(value, str) else value:
                self.metadata[key.replace("_", "-")] = line


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({"License_Expression": "BSD-3-Clause AND 0BSD"}, "BSD-3-Clause AND 0BSD"),
        ({"Classifier": ["Topic :: X", "License :: OSI Approved :: MIT License"], "License": "GPL"}, "MIT"),
        ({"Classifier": ["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"]}, "GPL"),
        ({"Classifier": ["License :: OSI Approved :: ISC License (ISCL)"]}, "ISC"),
        ({"License": "BSD-3-Clause"}, "BSD"),
        ({"License": "long text " * 20}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_the_licence_is_read_from_what_a_distribution_declares(words, wanted):
    assert declared(Made("x", **words)) == wanted


@pytest.mark.parametrize(
    "expression",
    ["MIT", "Apache-2.0 OR GPL-3.0-only", "BSD-3-Clause AND Zlib", "(MIT OR ISC)", "Apache-2.0 WITH LLVM-exception"],
)
def test_permissive_licences_pass(expression):
    assert is_allowed(expression)


@pytest.mark.parametrize(
    "expression",
    ["GPL", "GPL-3.0-or-later", "MIT AND GPL-2.0-only", "LGPL-3.0-only", "unknown", "(MIT OR GPL) AND ISC"],
)
def test_other_licences_fail(expression):
    assert not is_allowed(expression)


def test_a_choice_with_gpl_classifiers_needs_a_decision():
    words = {"Classifier": ["License :: OSI Approved :: GNU GPL", "License :: OSI Approved :: MIT License"]}
    assert not is_allowed(declared(Made("x", **words)))
    assert is_allowed(licences([Made("pyphen", **words)])["pyphen"])


def test_a_gpl_package_deep_below_fails_the_check(monkeypatch, capsys):
    made = {
        "spondyl": Made("spondyl", "good", "tool ; extra == 'test'"),
        "good": Made("good", "hidden", License="MIT"),
        "hidden": Made("hidden", Classifier=["License :: OSI Approved :: GNU Affero General Public License v3"]),
    }
    monkeypatch.setattr("tools.check_licences.closure", lambda name, extras: closure(name, extras, made.__getitem__))
    assert main() == 1
    told = capsys.readouterr()
    assert "licence not allowed: hidden: GPL" in told.err
    assert re.search(r"(\d+) of (\d+)", told.out)


def test_npm_packages_in_the_viewer_are_checked_and_its_building_tools_are_not(tmp_path):
    lock = {"": {}, "node_modules/a": {"license": "GPL-3.0"}, "node_modules/b": {}}
    lock |= {"node_modules/t": {"license": "GPL", "dev": True}, "node_modules/o": {"optional": True}}
    (tmp_path / "lock.json").write_text(json.dumps({"packages": lock}))
    assert npm_licences(tmp_path / "lock.json") == {"npm a": "GPL-3.0", "npm b": "unknown"}


def test_what_the_extra_needs_is_found_too():
    made = {
        "spondyl": Made("spondyl", "core", "Pdf_Maker ; extra == 'pdf'", "old ; python_version < '3'"),
        "core": Made("core", "core"),
        "Pdf_Maker": Made("Pdf_Maker"),
    }
    assert list(closure("spondyl", ["pdf"], made.__getitem__)) == ["core", "pdf-maker"]
