"""How a long step tells how far it is."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]  # share done (0 to 1), what is being done


def silent(_share: float, _what: str) -> None:
    """Tell nobody."""
