"""Finding a program of another interpreter, and running it: offline, within a time limit, and with all its children."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from spondyl.errors import InputError
from spondyl.spine.segmenters.backends.types import BackendSettings, Command

_DEAD_PROXY = "http://127.0.0.1:9"  # the discard port: every request that respects a proxy fails at once
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy")
_OFFLINE = {
    **dict.fromkeys((*_PROXIES, *(name.upper() for name in _PROXIES)), _DEAD_PROXY),
    **{"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PIP_NO_INDEX": "1"},
    **{"DO_NOT_TRACK": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "WANDB_MODE": "disabled"},
}
_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "NO_PROXY", "no_proxy")  # would mislead the other interpreter
_GRACE_S = 5.0  # between asking a program to end and ending it
_LAST_WORDS = 300  # characters of its output that an error quotes


def find_program(title: str, program: str, settings: BackendSettings) -> Path:
    """The program of a backend: as set, as its environment variable says, or on the search path."""
    variable = program_variable(title)
    told = settings.program or told_folder(variable)
    found = shutil.which(program) if told is None else str(told)
    if found is None:
        raise InputError(
            f"{title} is not found: no program '{program}' is on the search path. Install it in an environment of its "
            f"own and give the path of that program (--backend-program or {variable}), or use --backend own"
        )
    path = Path(found)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise InputError(
            f"{title}: '{found}' is no program that can be run; the path of '{program}' in {title}'s own environment "
            f"is expected: correct --backend-program or {variable}"
        )
    return path.absolute()


def told_folder(variable: str) -> Path | None:
    """The folder that an environment variable names; None: it is not set."""
    told = os.environ.get(variable)
    return Path(told) if told else None


def program_variable(title: str) -> str:
    """Name of the environment variable that says where a backend's program lies."""
    return f"SPONDYL_{re.sub(r'[^A-Za-z0-9]', '', title).upper()}"


def version_beside(program: Path, package: str) -> str | None:
    """Version of a package in the environment that a program belongs to, read from its folder; None: not told."""
    wanted = _plain(package)
    root = program.resolve().parent.parent
    folders = [*root.glob("lib*/python*/*-packages"), *root.glob("Lib/site-packages")]
    for folder in folders:
        for info in folder.glob("*.dist-info"):
            name, _, version = info.name.removesuffix(".dist-info").partition("-")
            if _plain(name) == wanted and version:
                return version
    return None


def refuse_other_major(title: str, version: str | None, majors: tuple[int, ...]) -> None:
    """Refuse a version whose options or numbers are others than those known here; an unknown version passes."""
    match = re.match(r"\d+", version or "")
    if match and int(match[0]) not in majors:
        known = " or ".join(str(major) for major in majors)
        raise InputError(
            f"{title} {version} is installed; version {known} is expected, because options and numbers change between "
            "them: install that one, or run it yourself and give its labels with --labels and --label-map"
        )


def run_program(title: str, command: Command, folder: Path, time_limit_s: float) -> None:
    """Run a program in a folder and wait for it.

    It runs in a process group of its own. Whatever ends the waiting (its own end, the time limit, Ctrl-C) ends the
    whole group, so that no child goes on working. It cannot ask questions, and its output is kept only to quote its
    last words in an error.

    Raises
    ------
    InputError
        If it cannot be started, takes too long, or ends with another code than 0.
    """
    said = folder / "said.txt"
    with said.open("wb") as stream:
        try:
            process = subprocess.Popen(
                command.arguments,
                cwd=folder,
                env=offline_environment(folder, command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise InputError(
                f"{title} could not be started ({error.strerror}); a program of an environment that is whole is "
                "expected: install it anew"
            ) from error
        try:
            code = process.wait(time_limit_s)
        except subprocess.TimeoutExpired:
            raise InputError(
                f"{title} was stopped: it had not ended within the time limit of {time_limit_s:g} s. Give it longer "
                "(--backend-minutes), a GPU (--backend-gpu), or a CT cropped to the spine"
            ) from None
        finally:
            _end_group(process)
    if code != 0:
        raise InputError(
            f"{title} ended with code {code} instead of 0; its last words: {_last_words(said)}. Run it alone on this "
            "CT to see more, or use another backend"
        )


def offline_environment(folder: Path, command: Command) -> dict[str, str]:
    """The environment of the program: without our interpreter's variables, without a way out, files in the folder."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    places = {"TMPDIR": folder, "TEMP": folder, "TMP": folder, "XDG_CACHE_HOME": folder, "MPLCONFIGDIR": folder}
    path = os.pathsep.join([str(Path(command.arguments[0]).parent), kept.get("PATH", os.defpath)])
    inside: Mapping[str, str] = {name: str(place) for name, place in places.items()}
    return {**kept, **_OFFLINE, **inside, "PATH": path, **command.environment}


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a program and its children: asked first, then at once."""
    if not hasattr(os, "killpg"):
        process.kill()
        process.wait()
        return
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_words(said: Path) -> str:
    """The end of a program's output, without paths; what it says of a patient's file stays away with them."""
    lines = [line.strip() for line in said.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    text = re.sub(r"(?:[A-Za-z]:)?(?:[/\\][^\s'\"/\\]+)+", "...", " / ".join(lines[-2:]))[-_LAST_WORDS:]
    return f"'{text}'" if text else "none"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "", name).lower()
