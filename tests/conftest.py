"""Fixtures that all tests share, and the rules that hold for all of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
MAY_SKIP = os.environ.get("CI") != "true" and os.environ.get("SPONDYL_NO_SKIP") != "1"
LOOPBACK = ("127.", "::1", "localhost")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Count a skipped test as failed where nothing may be skipped; an expected failure stays what it is."""
    report: Any = yield
    if report.skipped and not hasattr(report, "wasxfail") and not MAY_SKIP:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and nothing may be skipped here: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """The same for a whole file that skips itself, such as by pytest.importorskip."""
    report: Any = yield
    if report.skipped and not MAY_SKIP:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, and nothing may be skipped here: {report.longrepr}"
    return report


def pytest_configure() -> None:
    """Let no test, and nothing that a test imports, reach another machine: nothing is downloaded at run time."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def guarded(self: socket.socket, address: Any) -> None:
        refuse_other_machines(self, address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        refuse_other_machines(self, address)
        return connect_ex(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded_ex  # type: ignore[method-assign]


def refuse_other_machines(sock: socket.socket, address: Any) -> None:
    if sock.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith(LOOPBACK):
        raise PermissionError(f"a test tried to reach {address}; only this machine is allowed")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of the real test data: SPONDYL_DATA, else ../shared/data beside the project."""
    folder = Path(os.environ.get("SPONDYL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the real test data are not here: set SPONDYL_DATA to their folder")
    return folder
