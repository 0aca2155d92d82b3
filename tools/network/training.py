"""Training that can be stopped at any time and goes on as if it had not been."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator

from spondyl.spine.segmenters.classes import SpineClass
from tools.network.model import SpineNetwork, begin_as, loss_of, start_from
from tools.network.paint import painted
from tools.network.shapes import Shape

_DECAY = 1e-3
_LONGEST_GRADIENT = 2.0
_AVERAGED = 0.995  # of the weights, step by step


@dataclass(frozen=True)
class Schedule:
    """Steps, and the speed of learning: it rises, stays, and falls in a straight line over the last part."""

    steps: int
    rate: float = 2e-3
    rising: int = 60
    falling_share: float = 0.3

    def rate_at(self, step: int) -> float:
        left = (self.steps - step) / max(self.falling_share * self.steps, 1.0)
        return self.rate * min(1.0, (step + 1) / self.rising, max(left, 0.01))


@dataclass(eq=False)
class Training:
    """All that a step changes; saved whole, so that a run goes on bit by bit as it would have."""

    network: SpineNetwork
    averaged: SpineNetwork
    optimiser: torch.optim.AdamW
    generator: Generator
    step: int = 0

    @classmethod
    def begun(
        cls, seed: int, start: Path | None = None, begins_as: Mapping[SpineClass, SpineClass] | None = None
    ) -> Training:
        torch.manual_seed(seed)
        network = SpineNetwork()
        if start is not None:
            start_from(network, start)
        for kind, like in (begins_as or {}).items():
            begin_as(network, kind, like)
        network = network.to(memory_format=torch.channels_last_3d)
        optimiser = torch.optim.AdamW(network.parameters(), weight_decay=_DECAY)
        return cls(network, copy.deepcopy(network), optimiser, np.random.default_rng(seed))

    def save(self, path: Path) -> None:
        """Write to a temporary name and rename, so that a kill leaves the last whole state."""
        state = {
            "network": self.network.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.bit_generator.state,
            "step": self.step,
        }
        beside = path.with_suffix(".part")
        torch.save(state, beside)
        beside.replace(path)

    def restore(self, path: Path) -> None:
        state: dict[str, Any] = torch.load(path, weights_only=False)
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.bit_generator.state = state["generator"]
        self.step = state["step"]


def train(
    training: Training,
    shapes: Mapping[str, tuple[Shape, float]],
    schedule: Schedule,
    *,
    until: int | None = None,
    after_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Go on to the schedule's end, or to the step `until`. Shapes come with the weight they are drawn by."""
    names = sorted(shapes)
    odds = np.array([shapes[name][1] for name in names])
    odds /= odds.sum()
    last = schedule.steps if until is None else min(until, schedule.steps)
    training.network.train()
    while training.step < last:
        for group in training.optimiser.param_groups:
            group["lr"] = schedule.rate_at(training.step)
        shape = shapes[names[training.generator.choice(len(names), p=odds)]][0]
        hu, taught = painted(shape, training.generator)
        given = torch.from_numpy(hu)[None, None].contiguous(memory_format=torch.channels_last_3d)
        loss = loss_of(training.network(given), torch.from_numpy(taught)[None].long())
        training.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(training.network.parameters(), _LONGEST_GRADIENT)
        training.optimiser.step()
        training.step += 1
        _average(training)
        after_step(training.step, float(loss.detach()))


@torch.no_grad()
def _average(training: Training) -> None:
    share = min(_AVERAGED, training.step / (training.step + 10))
    for kept, new in zip(training.averaged.parameters(), training.network.parameters(), strict=True):
        kept.lerp_(new, 1 - share)
