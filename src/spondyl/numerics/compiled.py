"""Where compiled loops are kept, so that each is compiled once a machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def choose_cache(package: Path, cache: Path) -> Path | None:
    """A folder for compiled loops where neither the package nor the user's cache can be written; None: not needed.

    The compiler looks beside the source, then in the user's cache, and fails where both are closed, as in an image that
    is mounted read-only for a user without a home.
    """
    if any(os.access(_there(place), os.W_OK) for place in (package, cache)):
        return None
    return Path(tempfile.gettempdir()) / f"spondyl-compiled-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def _there(place: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(folder for folder in (place, *place.parents) if folder.exists())


def prepare_cache() -> None:
    """Tell the compiler where to keep its work; what the user has set stands. Does nothing once it is loaded."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    chosen = choose_cache(Path(__file__).parent, home / "numba")
    if chosen is not None:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(chosen))
