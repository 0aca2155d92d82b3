"""Rules on imports that import-linter has no words for, and that the declared dependencies are the used ones."""

import ast
import importlib
import pkgutil
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "spondyl"
NAMES_OF_THE_TOP = {"__version__"}  # what a module may take from the top, since it stands nowhere else
ON_DEMAND = ("spondyl", "spondyl.simulation")  # their names are imported when first used
LOCAL = {"spondyl", "tools", "tests", "benchmarks", "examples"}


def imports(path: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Modules that a file imports with the names taken from them; () for a plain import."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            found.append((node.module or "", tuple(alias.name for alias in node.names)))
        elif isinstance(node, ast.Import):
            found += [(alias.name, ()) for alias in node.names]
    return found


def third_parties(folder: Path) -> set[str]:
    """Distributions that the Python files of a folder import."""
    names = {module.split(".")[0] for path in folder.rglob("*.py") for module, _ in imports(path)}
    helpers = {path.stem for path in folder.rglob("*.py")}
    outside = names - set(sys.stdlib_module_names) - LOCAL - helpers
    known = packages_distributions()
    return {normal(known.get(name, [name])[0]) for name in outside}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(*extras: str) -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]


def declared(*extras: str) -> set[str]:
    return {normal(Requirement(line).name) for line in requirements(*extras)}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_inside_imports_from_the_top(path: Path) -> None:
    taken = [names for module, names in imports(path) if module == "spondyl" and not set(names) <= NAMES_OF_THE_TOP]
    plain = [names for module, names in imports(path) if module == "spondyl" and not names]
    assert taken + plain == []


@pytest.mark.parametrize("name", ON_DEMAND)
def test_names_on_demand_are_those_of_the_modules_that_the_stub_names(name: str) -> None:
    package = importlib.import_module(name)
    tree = ast.parse(Path(package.__file__ or "").with_suffix(".pyi").read_text(encoding="utf-8"))
    owners = {one.name: part.module for part in tree.body if isinstance(part, ast.ImportFrom) for one in part.names}
    assert set(owners) == set(package.__all__) == set(dir(package))
    for public, owner in owners.items():
        assert getattr(package, public) is getattr(importlib.import_module(f"{name}.{owner}"), public)


@pytest.mark.parametrize("name", ON_DEMAND)
def test_no_name_on_demand_is_that_of_a_module(name: str) -> None:
    """The module would stand in its place once it is loaded: `simulate` was a module in one process, or a function."""
    package = importlib.import_module(name)
    assert not set(package.__all__) & {info.name for info in pkgutil.iter_modules(package.__path__)}


def test_the_package_imports_what_it_declares() -> None:
    assert third_parties(SOURCE) <= declared("pdf", "network")


def test_the_tests_import_what_is_declared() -> None:
    used = third_parties(ROOT / "tests") | third_parties(ROOT / "tools")
    assert used <= declared("pdf", "network", "test", "train")


def test_the_lock_has_a_fitting_version_of_all_that_is_declared() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {normal(name): version for name, _, version in (line.partition("==") for line in lines)}
    for requirement in map(Requirement, requirements("pdf", "network", "test")):
        assert requirement.specifier.contains(locked[normal(requirement.name)]), requirement
