"""A small network that tells spine from what is not: body, arch, disc, canal, sacrum and rib on a 2 mm grid.

It was trained on CTs painted from label maps (docs/explanation/network.md) and knows what is spine; where its surface
lies is for the classical stage to say. Its weights come with the package; the extra `network` brings onnxruntime.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spondyl.errors import InputError
from spondyl.space import Geometry, Volume, read_only
from spondyl.spine.segmenters.arrays import Grey, Upright, isotropic
from spondyl.spine.segmenters.classes import GRID_MM, SpineClass
from spondyl.studies import Progress
from spondyl.studies.progress import silent

_WEIGHTS = "classes.onnx"
_PATCH = 64  # voxels of an edge, as trained
_STEP = 48  # from one patch to the next
_BONE_HU = 130.0
_LEAST_BONE = 100  # voxels of 8 mm³ that a patch must hold to be looked at
_AIR_HU = -1024.0
_WHOLE = 255  # a share of 1, as stored


@dataclass(frozen=True, eq=False)
class NetworkClasses:
    """What the network takes each voxel for. Its shares are not calibrated: they rank, they are no probabilities."""

    shares: NDArray[np.uint8]  # (classes, i, j, k), of 255, by `SpineClass`
    geometry: Geometry  # cubes of 2 mm in the frame of the CT

    def __post_init__(self) -> None:
        shares = read_only(self.shares, np.uint8)
        if shares.shape != (len(SpineClass), *self.geometry.shape):
            raise InputError(
                f"shares of {len(SpineClass)} classes on a grid of shape {self.geometry.shape} are expected, found an "
                f"array of shape {shares.shape}"
            )
        object.__setattr__(self, "shares", shares)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.shares, self.geometry)

    def share(self, *classes: SpineClass) -> Volume:
        """Share that the network gives to these classes together, 0 to 1."""
        together = self.shares[list(classes)].astype(np.float32).sum(axis=0) / np.float32(_WHOLE)
        return Volume(together, self.geometry, "1")

    @property
    def labels(self) -> Volume:
        """The class with the largest share of each voxel, as a `SpineClass` number."""
        return Volume(self.shares.argmax(axis=0).astype(np.uint8), self.geometry, "1")


def network_is_available() -> bool:
    """Whether the network can run here: its weights and onnxruntime are there."""
    try:
        _packaged()
    except InputError:
        return False
    return True


def find_classes(ct: Volume, *, weights: bytes | None = None, progress: Progress = silent) -> NetworkClasses:
    """The classes of a bare CT.

    The CT is brought to cubes of 2 mm along the patient's axes and looked at in overlapping cubes of 128 mm, those
    without bone left out. The same CT gives the same classes on the same machine; arithmetic differs in the last
    digits from one processor to another.

    Parameters
    ----------
    ct
        Volume in Hounsfield units, at most 40 degrees askew to the patient.
    weights
        Another network of the same classes as the content of an ONNX file; None: the one in the package.
    progress
        Called with the share done and what is being done.

    Raises
    ------
    InputError
        If onnxruntime or the weights are missing, or the CT stands askew.
    """
    session = _packaged() if weights is None else _session(weights)
    image = Upright.of(ct)
    grey, start = isotropic(image.array, image.spacing_mm, GRID_MM)
    origin = image.points(start)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([image.points(start + GRID_MM * step) - origin for step in np.eye(3)], axis=1)
    affine[:3, 3] = origin
    i, j, k = grey.shape
    geometry = Geometry(affine, (i, j, k), ct.geometry.frame_of_reference_uid)
    return NetworkClasses(_shares(session, grey, progress), geometry)


@cache
def _packaged() -> Any:
    """The network of the package, loaded once."""
    weights = files("spondyl.spine.segmenters").joinpath("weights", _WEIGHTS)
    if not weights.is_file():
        raise InputError(
            f"the weights of the network ({_WEIGHTS}) are missing from this installation: install spondyl anew. "
            "Without them the classical stage works alone"
        )
    return _session(weights.read_bytes())


def _session(weights: bytes) -> Any:
    """A network ready to run; one thread, so that sums are made in one order."""
    try:
        import onnxruntime
    except ImportError:
        raise InputError(
            "onnxruntime is not installed; the network front end of the segmenter needs it: "
            "pip install 'spondyl[network]'. Without it the classical stage works alone"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def _shares(session: Any, grey: Grey, progress: Progress) -> NDArray[np.uint8]:
    """Shares of the classes, shape (classes, i, j, k): patches blended, the middle of each weighing most."""
    lacking = np.maximum(_PATCH - np.array(grey.shape), 0)
    padded = np.pad(grey, [(n // 2, n - n // 2) for n in lacking], constant_values=_AIR_HU)
    total = np.zeros((len(SpineClass), *padded.shape), np.float32)
    weight = np.zeros(padded.shape, np.float32)
    blend = _blend()
    patches = [block for block in _patches(padded.shape) if (padded[block] > _BONE_HU).sum() >= _LEAST_BONE]
    for number, block in enumerate(patches):
        progress(number / len(patches), "telling spine from the rest")
        (found,) = session.run(None, {"hu": np.ascontiguousarray(padded[block], np.float32)[None, None]})
        total[(slice(None), *block)] += _softmax(found[0]) * blend
        weight[block] += blend
    seen = weight > 0
    total /= np.where(seen, weight, 1)
    total[SpineClass.BACKGROUND][~seen] = 1
    progress(1.0, "done")
    inner = tuple(slice(n // 2, n // 2 + m) for n, m in zip(lacking, grey.shape, strict=True))
    return np.asarray(np.rint(total[(slice(None), *inner)] * _WHOLE), np.uint8)


def _patches(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice, slice]]:
    i, j, k = ([*range(0, n - _PATCH, _STEP), n - _PATCH] for n in shape)
    for a in i:
        for b in j:
            for c in k:
                yield slice(a, a + _PATCH), slice(b, b + _PATCH), slice(c, c + _PATCH)


def _blend() -> Grey:
    line = np.exp(-0.5 * ((np.arange(_PATCH) - (_PATCH - 1) / 2) / (_PATCH / 5)) ** 2)
    return np.asarray(line[:, None, None] * line[:, None] * line + 1e-3, np.float32)


def _softmax(values: NDArray[np.float32]) -> NDArray[np.float32]:
    grown = np.exp(values - values.max(axis=0))
    return np.asarray(grown / grown.sum(axis=0), np.float32)
