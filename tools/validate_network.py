"""Runs behind docs/validation/network.md: the network front end against labels, and its second look at vertebrae.

Run as `python -m tools.validate_network`; `make validate` runs it with the other experiments, and with `--resume`,
which needs torch (the extra `train`): a training that was stopped must go on bit by bit as one that was not. No test of
the suite needs torch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from spondyl.space import Volume
from spondyl.spine import Level
from spondyl.spine.segmenters import DiscsFound, Segmentation, find_classes, with_doubts
from spondyl.studies import read_study
from spondyl.synthetic import Structure, VirtualPatient, make_virtual_patient
from tools.evaluate_network import measured
from tools.network.sources import CT_FILES, LABEL_MAPS, random_spec, shape_named

PAGE = Path(__file__).parents[1] / "docs" / "validation" / "network.md"
DATA = Path(os.environ.get("SPONDYL_DATA", "../shared/data"))
LEVELS = tuple(Level(n) for n in range(Level.T8, Level.L5 + 1))
PATIENTS = 4
_BODY = 49


def main() -> None:
    """Run what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resume", action="store_true", help="check that a resumed training is the same; needs torch")
    parser.add_argument("--shapes", type=Path, default=Path(tempfile.gettempdir()) / "spondyl-shapes")
    given = parser.parse_args()
    if given.resume:
        check_resume()
    figures = {}
    for name in CT_FILES:
        ct = read_study(DATA / LABEL_MAPS[name][0] / CT_FILES[name]).ct
        figures[name] = measured(shape_named(name, DATA, given.shapes), find_classes(ct))
    PAGE.write_text(page(figures, [second_look(seed) for seed in range(PATIENTS)]), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))


def check_resume() -> None:
    """Four steps in one go, and two and two with the state written and read between: the same weights."""
    import torch

    from tools.network.sources import virtual_shape
    from tools.network.training import Schedule, Training, train

    torch.set_num_threads(1)
    shape = {"virtual": (virtual_shape("virtual", np.random.default_rng(1), (Level.L4, Level.L5)), 1.0)}
    whole, first = Training.begun(3), Training.begun(3)
    train(whole, shape, Schedule(4))
    train(first, shape, Schedule(4), until=2)
    with tempfile.TemporaryDirectory() as folder:
        first.save(Path(folder) / "training.pt")
        second = Training.begun(4)
        second.restore(Path(folder) / "training.pt")
    train(second, shape, Schedule(4))
    for part in ("network", "averaged"):
        states = getattr(whole, part).state_dict(), getattr(second, part).state_dict()
        if not all(torch.equal(states[0][key], states[1][key]) for key in states[0]):
            raise SystemExit(f"a resumed training differs: {part}")
    print("a resumed training is the same as one that was not stopped")


def second_look(seed: int) -> dict[str, int]:
    """Doubts on the true masks of a virtual patient with broken bodies, one by one, and joined two by two."""
    generator = np.random.default_rng(1000 + seed)
    patient = make_virtual_patient(random_spec(generator, LEVELS), generator)
    classes = find_classes(patient.ct)
    single = with_doubts(_told(patient, [(level,) for level in LEVELS]), classes)
    counts = {"single": len(LEVELS), "called": sum(map(bool, single.doubts)), "merged": 0, "seen": 0}
    for start in (0, 1):
        pairs = [LEVELS[k : k + 2] for k in range(start, len(LEVELS) - 1, 2)]
        joined = with_doubts(_told(patient, pairs), classes)
        counts["merged"] += len(pairs)
        counts["seen"] += sum(any("disc inside" in text for text in said) for said in joined.doubts)
    return counts


def _told(patient: VirtualPatient, groups: list[tuple[Level, ...]]) -> Segmentation:
    """True bodies as a segmentation; the levels of a group, with the discs between them, are one vertebra."""
    labels, geometry = patient.labels.array, patient.labels.geometry
    vertebrae, parts = np.zeros(labels.shape, np.uint8), np.zeros(labels.shape, np.uint8)
    bodies = (patient.subregions.array == _BODY) & (labels > 0)
    slices = np.arange(labels.shape[2])
    for number, group in enumerate(groups, start=1):
        mine = np.isin(labels, group) & bodies
        if len(group) > 1:
            heights = [np.argwhere((labels == level) & bodies)[:, 2].mean() for level in group]
            mine |= (patient.structures.array == Structure.DISC) & (min(heights) < slices) & (slices < max(heights))
        vertebrae[mine], parts[mine] = number, _BODY
    n = len(groups)
    found = DiscsFound(np.zeros((2, 3)), np.zeros((2, 3)), ((),), ())
    return Segmentation(
        Volume(vertebrae, geometry, "1"), Volume(parts, geometry, "1"), found, (1.0,) * n, ((),) * n, (False,) * n
    )


def page(figures: dict[str, dict[str, float]], looks: list[dict[str, int]]) -> str:
    """The page of the documentation."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    names = sorted({key for row in figures.values() for key in row}, key=list(figures["ts"]).index)
    values = {name: " | ".join(str(row.get(key, "-")) for key in names) for name, row in figures.items()}
    rows = [f"| {name} | {cells} |" for name, cells in values.items()]
    total = {key: sum(look[key] for look in looks) for key in looks[0]}
    return f"""# The network front end against labels

Question: how well do the network's classes agree with labels, and does its second look tell merged vertebrae?

Agreement with automatic labels, which are no truth, on the network's 2 mm grid: Dice by class, then volumes in ml.
`far_false_ml` is body or arch more than 6 mm from any labelled bone (pelvis, femora and ribs have no label and
count as false), `sacrum_as_vertebra_ml` sacrum that is called body or arch. Cut vertebrae are left out.
`lidc` was kept out of training; of `ts` and `tptbox` the labels' shape was trained on, the CT was not.

| set | {" | ".join(names)} |
|---|{"---|" * len(names)}
{chr(10).join(rows)}

Second look, virtual: {len(looks)} virtual patients T8-L5, about a third of the bodies wedged, biconcave or crushed
(10 to 60 % of a height lost), true masks. Of {total["single"]} single bodies {total["called"]} got a doubt (false). Of
{total["merged"]} pairs joined with their disc {total["seen"]} were told. The thresholds were set on four real CTs.

Not shown: real collapses, real merges, thoracic discs above T8, metal, cement, decubitus.

Made {datetime.now(UTC):%Y-%m-%d} at {commit.stdout.strip() or "unknown commit"} by `python -m tools.validate_network`.
"""


if __name__ == "__main__":
    main()
