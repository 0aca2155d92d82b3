"""Train the network front end on painted CTs: `python -m tools.train_network --out FOLDER --steps 2400`.

Needs the extra `train` (torch, onnx); the program itself never does. One process, one thread. A run that was killed
goes on from its last checkpoint when it is started again with the same arguments, as if it had not been stopped; with
more steps it goes on longer. The averaged weights are written as `classes.onnx` beside the checkpoint; whether they
ship is decided by `python -m tools.evaluate_network`.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import torch

from spondyl.spine.segmenters.classes import SpineClass
from tools.network.model import write_onnx
from tools.network.sources import shape_named
from tools.network.training import Schedule, Training, train

# Shapes and how often each is drawn. `lidc` is held out: its CT and its labels are what the published figure is of.
SHAPES = {"ts": 2.0, "fracture": 1.0, "healthy": 1.0, "tptbox": 0.4} | {f"virtual-{seed}": 0.25 for seed in range(12)}
_SAVED_EVERY = 50


def main() -> None:
    """Train, save as it goes, and write the ONNX file."""
    given = _arguments()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True, warn_only=True)
    given.out.mkdir(parents=True, exist_ok=True)
    shapes = {name: (shape_named(name, given.data, given.out / "shapes"), share) for name, share in SHAPES.items()}
    training = Training.begun(given.seed, given.start, dict(given.begins_as))
    checkpoint = given.out / "training.pt"
    if checkpoint.exists():
        training.restore(checkpoint)
    started, losses = time.monotonic(), []

    def after_step(step: int, loss: float) -> None:
        losses.append(loss)
        if step % _SAVED_EVERY == 0 or step == given.steps:
            training.save(checkpoint)
            mean = sum(losses[-_SAVED_EVERY:]) / len(losses[-_SAVED_EVERY:])
            print(f"step {step}  loss {mean:.3f}  {(time.monotonic() - started) / len(losses):.2f} s/step", flush=True)

    train(training, shapes, Schedule(given.steps, given.rate), after_step=after_step)
    words = f"spine classes; {training.step} steps; shapes {', '.join(sorted(SHAPES))}; seed {given.seed}"
    write_onnx(training.averaged, given.out / "classes.onnx", words)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoint, shapes and result")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights to start from: the prototype's (npz) or a checkpoint (pt)")
    parser.add_argument(
        "--begins-as", type=_pair, action="append", default=[], metavar="CLASS=CLASS", help="such as sacrum=body"
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("SPONDYL_DATA", "../shared/data")))
    return parser.parse_args()


def _pair(text: str) -> tuple[SpineClass, SpineClass]:
    kind, _, like = text.upper().partition("=")
    return SpineClass[kind], SpineClass[like]


if __name__ == "__main__":
    main()
