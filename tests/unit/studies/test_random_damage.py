"""Random bytes in a header end in a study or in a sentence, never in another error, a warning or a printed line."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from spondyl.errors import InputError
from spondyl.space import Volume
from spondyl.studies import assess_suitability, read_label_image, read_study, write_label_nifti, write_nifti

ROUNDS = 150


def _damaged(data: bytes, start: int, stop: int, source: random.Random) -> bytes:
    broken = bytearray(data)
    for _ in range(source.choice((1, 1, 2, 5, 20))):
        broken[source.randrange(start, stop)] = source.randrange(256)
    return bytes(broken)


def test_dicom(ct_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file, source, refused = sorted(ct_folder.glob("*.dcm"))[3], random.Random(1), 0
    data = file.read_bytes()
    for _ in range(ROUNDS):
        file.write_bytes(_damaged(data, 128, len(data) - 640, source))  # the pixels fill the last 640 bytes
        try:
            assess_suitability(read_study(ct_folder))
        except InputError:
            refused += 1
    assert 0 < refused < ROUNDS
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["ct", "labels"])
def test_nifti(kind: str, marked_ct: Volume, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path, source, refused = tmp_path / "image.nii", random.Random(2), 0
    if kind == "ct":
        write_nifti(marked_ct, path)
    else:
        labels = Volume((marked_ct.array > 0).astype(np.uint8), marked_ct.geometry, "1")
        write_label_nifti(labels, path, names={1: "L1"})
    data = path.read_bytes()
    for _ in range(ROUNDS):
        path.write_bytes(_damaged(data, 0, 700, source))
        try:
            read_study(path) if kind == "ct" else read_label_image(path)
        except InputError:
            refused += 1
    assert 0 < refused < ROUNDS
    assert capfd.readouterr() == ("", "")
