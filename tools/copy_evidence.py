"""Copy the shared evidence and physics files into the package and write their hashes.

Usage: python tools/copy_evidence.py SHARED_FOLDER
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

DATA = Path(__file__).parents[1] / "src" / "spondyl" / "evidence" / "data"


def main(shared: Path) -> None:
    hashes = {}
    for folder in ("evidence", "physics"):
        for path in sorted((shared / folder).iterdir()):
            content = path.read_bytes()
            name = f"{folder}/{path.name}"
            (DATA / name).parent.mkdir(parents=True, exist_ok=True)
            (DATA / name).write_bytes(content)
            hashes[name] = hashlib.sha256(content).hexdigest()
    (DATA / "hashes.json").write_text(json.dumps(hashes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
