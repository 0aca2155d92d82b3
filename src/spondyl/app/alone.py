"""One run at a time on a case folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spondyl.errors import InputError


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep a second run out of the case folder as long as this one lasts; a killed run keeps nobody out."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a")
    except OSError as error:
        raise InputError(f"'{folder}' cannot be written to ({error.strerror}): choose another folder") from None
    with lock:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"another run works on '{folder}': wait until it has ended") from None
        yield
