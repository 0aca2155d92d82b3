"""Check that everything the program needs may be given away with it: permissive licences, and no other.

Run as `python -m tools.check_licences`. It covers the core and the extras `pdf` and `network` with all that they need
in turn; tools for tests, training and documentation are never given away and are not checked. The npm packages in the
report's viewer are checked by what the lock file says of them. What counts is the licence that a distribution itself
declares: its licence expression (SPDX), else its classifiers, else a licence field of one line.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("pdf", "network")
NPM_LOCK = Path(__file__).parents[1] / "viewer" / "package-lock.json"
ALLOWED = {
    "MIT", "MIT-0", "MIT-CMU", "HPND", "BSD", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "ISC", "Zlib", "CC0-1.0",
    "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "MPL-2.0", "PSF-2.0",
}  # fmt: skip

# Distributions whose own words do not settle it, and what we take them for.
DECIDED = {
    "pyphen": ("MPL-1.1", "offered under GPL, LGPL or MPL at the user's choice; taken under MPL"),
}

# Words of classifiers and licence fields, in the order they are looked for: the first that fits names the licence.
WORDS = (
    (r"GPL|GNU|Affero", "GPL"),
    (r"Apache", "Apache-2.0"),
    (r"BSD", "BSD"),
    (r"\bMIT\b", "MIT"),
    (r"Mozilla.*2\.0|MPL[- ]2\.0", "MPL-2.0"),
    (r"Python Software Foundation|\bPSF", "PSF-2.0"),
    (r"HPND|Historical Permission", "HPND"),
    (r"\bISC\b", "ISC"),
)


def main() -> int:
    """Print what may not be given away, or how many distributions were found good."""
    found = licences(closure("spondyl", EXTRAS).values()) | npm_licences(NPM_LOCK)
    refused = [f"{name}: {licence}" for name, licence in found.items() if not is_allowed(licence)]
    for line in refused:
        print(f"licence not allowed: {line}", file=sys.stderr)
    print(f"licences: {len(found) - len(refused)} of {len(found)} packages may be given away with the program")
    return 1 if refused else 0


def closure(
    name: str, extras: Iterable[str] = (), find: Callable[[str], Distribution] = distribution
) -> dict[str, Distribution]:
    """All installed distributions that a distribution needs, in turn, without itself."""
    found: dict[str, Distribution] = {}
    waiting = [(name, tuple(extras))]
    while waiting:
        wanted, its_extras = waiting.pop()
        for requirement in map(Requirement, find(wanted).requires or ()):
            key = canonicalize_name(requirement.name)
            if key not in found and is_needed(requirement, its_extras):
                found[key] = find(requirement.name)
                waiting.append((requirement.name, tuple(requirement.extras)))
    return dict(sorted(found.items()))


def is_needed(requirement: Requirement, extras: Iterable[str]) -> bool:
    """Whether a requirement holds on this machine with these extras."""
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def licences(distributions: Iterable[Distribution]) -> dict[str, str]:
    """The licence of each distribution, as an SPDX expression."""
    return {name: DECIDED[name][0] if name in DECIDED else declared(d) for d in distributions for name in [key(d)]}


def npm_licences(lock: Path) -> dict[str, str]:
    """The licence of each npm package that goes into the viewer; tools for building it stay behind."""
    packages = json.loads(lock.read_text("utf-8"))["packages"]
    shipped = {p: e for p, e in packages.items() if p and not e.get("dev") and not e.get("optional")}
    return {f"npm {p.removeprefix('node_modules/')}": e.get("license", "unknown") for p, e in shipped.items()}


def key(found: Distribution) -> str:
    return canonicalize_name(found.metadata["Name"])


def declared(found: Distribution) -> str:
    """What a distribution says of its licence, as an SPDX expression; "unknown" when it says nothing clear."""
    metadata: Any = found.metadata  # an email.message.Message, which the type of the standard library hides
    if expression := metadata.get("License-Expression"):
        return str(expression)
    classifiers = [line for line in metadata.get_all("Classifier") or () if line.startswith("License ::")]
    field = metadata.get("License") or ""
    return " AND ".join(map(spdx, classifiers)) or spdx(field if len(field) < 100 else "")


def spdx(words: str) -> str:
    """The SPDX name that a classifier or a licence field stands for."""
    return next((name for pattern, name in WORDS if re.search(pattern, words, re.IGNORECASE)), "unknown")


def is_allowed(expression: str) -> bool:
    """Whether one of the alternatives has allowed licences only; brackets are not taken apart but need all allowed."""
    if expression in {licence for licence, _ in DECIDED.values()}:
        return True
    alternatives = [expression.replace(" OR ", " AND ")] if "(" in expression else expression.split(" OR ")
    return any(all(part.strip(" ()") in ALLOWED for part in each.split(" AND ")) for each in alternatives)


if __name__ == "__main__":
    sys.exit(main())
