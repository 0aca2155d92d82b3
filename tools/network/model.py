"""The network, its loss, its first weights and its way into an ONNX file. The only module that needs torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from spondyl.spine.segmenters.classes import SpineClass
from tools.network.paint import IGNORED

_CHANNELS = (8, 32, 64, 96)
_SLOPE = 0.1
_SOFT = 20.0  # voxels: a class that is hardly there weighs little
_WEIGHTS = (0.5, 1.0, 1.2, 1.5, 1.0, 1.0, 1.0)  # of the classes in the cross-entropy


class _Layer(nn.Module):
    def __init__(self, given: int, made: int) -> None:
        super().__init__()
        self.c = nn.Conv3d(given, made, 3, padding=1, bias=False)
        self.n = nn.GroupNorm(min(8, made), made)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(self.n(self.c(x)), _SLOPE)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.c1, self.n1 = nn.Conv3d(channels, channels, 3, padding=1, bias=False), nn.GroupNorm(8, channels)
        self.c2, self.n2 = nn.Conv3d(channels, channels, 3, padding=1, bias=False), nn.GroupNorm(8, channels)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.leaky_relu(self.n1(self.c1(x)), _SLOPE)
        return functional.leaky_relu(self.n2(self.c2(y)) + x, _SLOPE)


class SpineNetwork(nn.Module):
    """A residual U-Net of 1.2 million parameters; CT numbers in, one value a class out (no softmax)."""

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _CHANNELS
        self.e0 = _Layer(1, a)
        self.d1, self.e1 = nn.Conv3d(a, b, 2, 2), _Residual(b)
        self.d2, self.e2 = nn.Conv3d(b, c, 2, 2), _Residual(c)
        self.d3, self.e3 = nn.Conv3d(c, d, 2, 2), _Residual(d)
        self.u2, self.f2 = nn.ConvTranspose3d(d, c, 2, 2), _Layer(2 * c, c)
        self.u1, self.f1 = nn.ConvTranspose3d(c, b, 2, 2), _Layer(2 * b, b)
        self.u0, self.f0 = nn.ConvTranspose3d(b, a, 2, 2), _Layer(2 * a, 2 * a)
        self.out = nn.Conv3d(2 * a, len(SpineClass), 1)

    def forward(self, hu: Tensor) -> Tensor:
        x0 = self.e0((hu.clamp(-400, 1200) - 100) / 300)
        x1 = self.e1(self.d1(x0))
        x2 = self.e2(self.d2(x1))
        y = self.f2(torch.cat([self.u2(self.e3(self.d3(x2))), x2], 1))
        y = self.f1(torch.cat([self.u1(y), x1], 1))
        return self.out(self.f0(torch.cat([self.u0(y), x0], 1)))  # type: ignore[no-any-return]


def loss_of(found: Tensor, taught: Tensor) -> Tensor:
    """Weighted cross-entropy and soft Dice over all classes but the background; ignored voxels count in neither."""
    known = taught != IGNORED
    entropy = functional.cross_entropy(found, taught, torch.tensor(_WEIGHTS), ignore_index=IGNORED)
    share = found.softmax(1) * known[:, None]
    true = functional.one_hot(torch.where(known, taught, 0), len(SpineClass)).movedim(-1, 1) * known[:, None]
    axes = (0, 2, 3, 4)
    common = (share * true).sum(axes)
    dice = (2 * common + _SOFT) / (share.sum(axes) + true.sum(axes) + _SOFT)
    return entropy + 1 - dice[1:].mean()


def start_from(network: SpineNetwork, path: Path) -> None:
    """Take the weights of the prototype (npz) or the averaged ones of an earlier training (its checkpoint).

    The prototype has five classes and axes that run right and front; here they are seven, left and back. Turning an
    axis round turns every kernel round with it. Sacrum and rib begin as the background with a lower start.
    """
    if path.suffix == ".pt":
        network.load_state_dict(torch.load(path, weights_only=False)["averaged"])
        return
    with np.load(path) as data:
        given = {name: torch.from_numpy(data[name].astype(np.float32)) for name in data.files}
    given = {name: value.flip(2, 3).contiguous() if value.ndim == 5 else value for name, value in given.items()}
    more = len(SpineClass) - len(given["out.bias"])
    given["out.weight"] = torch.cat([given["out.weight"], given["out.weight"][:1].expand(more, -1, -1, -1, -1)])
    given["out.bias"] = torch.cat([given["out.bias"], given["out.bias"][:1].expand(more) - 2])
    network.load_state_dict(given)


@torch.no_grad()
def begin_as(network: SpineNetwork, kind: SpineClass, like: SpineClass) -> None:
    """Let a class that has learned nothing begin as another one that looks like it, a little weaker."""
    network.out.weight[kind] = network.out.weight[like]
    network.out.bias[kind] = network.out.bias[like] - 0.5


def write_onnx(network: SpineNetwork, path: Path, description: str) -> None:
    """The network as an ONNX file that holds its weights in half precision; they are widened when it is loaded."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    patch = torch.zeros(1, 1, 64, 64, 64)
    torch.onnx.export(
        network.eval(),
        (patch,),
        str(path),
        input_names=["hu"],
        output_names=["classes"],
        opset_version=18,
        dynamo=False,
    )
    model = onnx.load(str(path))
    casts, kept = [], []
    for given in model.graph.initializer:
        values = numpy_helper.to_array(given)
        if values.dtype == np.float32 and values.size > 64:
            half = numpy_helper.from_array(values.astype(np.float16), given.name + "_half")
            casts.append(helper.make_node("Cast", [half.name], [given.name], to=TensorProto.FLOAT))
            kept.append(half)
        else:
            kept.append(given)
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    model.doc_string = description
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
