"""Public names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def names_on_demand(
    package: str, owners: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The functions `__getattr__` and `__dir__` of a package whose modules are loaded one by one (PEP 562).

    A name must not be that of a module of the package: the module would stand in its place once it is loaded.

    Parameters
    ----------
    package
        Its `__name__`.
    owners
        By module, the names that it owns.
    """
    owner = {name: module for module, names in owners.items() for name in names}

    def find(name: str) -> object:
        """The public name, imported from the module that owns it, and kept."""
        if name not in owner:
            raise AttributeError(f"module '{package}' has no attribute '{name}'; its names are: {', '.join(owner)}")
        found = getattr(import_module(owner[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *owner})

    return find, names
