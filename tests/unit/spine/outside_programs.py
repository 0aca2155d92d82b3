"""Stand-ins for outside segmenters: small scripts that read the CT, and answer in their model's numbering or fail.

Each is laid down as its makers install it: a program in `bin`, its version in `lib`, weights in a folder. The CT that
they are given holds the wanted VerSe number of each voxel as its grey value, so that what they must answer is known.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from spondyl.space import Geometry, Volume

ASKED = "asked.json"  # what the stand-in was called with, beside its program

_HEAD = """#!{python}
import json, os, sys, time
from pathlib import Path
here = Path(__file__).resolve().parent
call = {{"arguments": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}
(here / "asked.json").write_text(json.dumps(call))
if {reads}:  # what hangs or crashes begins at once, also on a busy machine
    import nibabel as nib
    import numpy as np
def option(name):
    return sys.argv[sys.argv.index(name) + 1]
def read(path):
    return nib.load(path)
def write(image, array, path, names=None):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = nib.Nifti1Image(array.astype(np.uint16), image.affine)
    made.set_sform(image.affine, code=1)
    made.set_qform(image.affine, code=1)
    if names:
        rows = "".join(f'<Label Key="{{k}}" Red="1" Green="0" Blue="0">{{n}}</Label>' for k, n in names.items())
        text = "<CaretExtension><VolumeInformation><LabelTable>" + rows
        text += "</LabelTable></VolumeInformation></CaretExtension>"
        made.header.extensions.append(nib.nifti1.Nifti1Extension(0, text.encode()))
    nib.save(made, path)
def renumbered(array, numbers):
    out = np.zeros(array.shape, int)
    for given, wanted in numbers.items():
        out[array == given] = wanted
    return out
"""

# numbers of T12, L1 and L2 in VerSe (19, 20, 21) and in version 2 of TotalSegmentator
TOTALSEGMENTATOR = """
image = read(option("-i"))
names = {32: "vertebrae_T12", 31: "vertebrae_L1", 30: "vertebrae_L2"}
array = renumbered(np.asarray(image.dataobj), {19: 32, 20: 31, 21: 30})
write(image, array, option("-o"), names)
"""

SPINEPS = """
given = Path(option("-i"))
image = read(given)
array = np.asarray(image.dataobj).astype(int)
stem = given.name.removesuffix("_ct.nii.gz") + "_mod-ct"
folder = given.parent / "derivatives_seg" / "sub"
write(image, np.where(array > 0, array, 0), folder / f"{stem}_seg-vert_msk.nii.gz")
write(image, np.where(array > 0, 7, 0), folder / f"{stem}_seg-vert-raw_msk.nii.gz")
write(image, np.where(array > 0, 49, 0), folder / f"{stem}_seg-spine_msk.nii.gz")
"""

NNUNET = """
image = read(Path(option("-i")) / "case_0000.nii.gz")
array = renumbered(np.asarray(image.dataobj), {19: 1, 20: 2, 21: 3})
write(image, array, Path(option("-o")) / "case.nii.gz")
"""

CRASH = """
print("loading the network of /scans/patient-7")
print("RuntimeError: not enough memory", file=sys.stderr)
sys.exit(3)
"""

HANG = """
import subprocess
stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(120)"
child = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
child.stdout.readline()
(here / "children.txt").write_text(f"{os.getpid()} {child.pid}")
time.sleep(120)
"""

OTHER_GRID = """
image = read(option("-i"))
array = renumbered(np.asarray(image.dataobj), {19: 32, 20: 31, 21: 30})[::2]
write(image, array, option("-o"), {32: "vertebrae_T12", 31: "vertebrae_L1", 30: "vertebrae_L2"})
"""

NO_NAMES = """
image = read(option("-i"))
write(image, renumbered(np.asarray(image.dataobj), {19: 32, 20: 31, 21: 30}), option("-o"))
"""

NO_LABEL = """
image = read(option("-i"))
write(image, np.zeros(image.shape), option("-o"))
"""

CALLS_HOME = """
import urllib.request
try:
    urllib.request.urlopen("http://backend.totalsegmentator.com:80/", timeout=5)
    told = "reached"
except OSError as error:
    told = str(error)
(here / "network.txt").write_text(told)
"""

PROGRAMS = {
    "totalsegmentator": ("TotalSegmentator", "totalsegmentator-2.18.0", TOTALSEGMENTATOR),
    "spineps": ("spineps", "spineps-2.1.0", SPINEPS),
    "nnunet": ("nnUNetv2_predict_from_modelfolder", "nnunetv2-2.6.2", NNUNET),
}


def install(folder: Path, backend: str, script: str | None = None, distribution: str | None = None) -> Path:
    """Lay down the program of a backend as pip would in an environment of its own; gives its path."""
    name, usual, answer = PROGRAMS[backend]
    program = folder / "bin" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    body = answer if script is None else script
    program.write_text(_HEAD.format(python=sys.executable, reads="read(" in body) + body)
    program.chmod(0o755)
    (folder / "lib" / "python3.11" / "site-packages" / f"{distribution or usual}.dist-info").mkdir(parents=True)
    return program


def lay_down_weights(folder: Path, backend: str) -> Path:
    """Folders and files of trained models, empty but for what is read of them; gives the folder to be named."""
    if backend == "totalsegmentator":
        for name in ("Dataset292_TotalSegmentator_part2_vertebrae_1532subj", "Dataset298_TotalSegmentator_total_6mm"):
            _touch(folder / name / "nnUNetTrainer__nnUNetPlans__3d_fullres" / "fold_0" / "checkpoint_final.pth")
    elif backend == "spineps":
        settings = {
            "CT_semantic_v1": ("nnunet", "CT"),
            "CT_instance_v1": ("unet", "SEG"),
            "CT_labeling_v1": ("classifier", "CT"),
            "T2w_semantic_v1": ("nnunet", ["T2w"]),
            "T2w_labeling_v1": ("classifier", "T2w"),
            "instance_sagittal_v1": ("unet", "SEG"),
        }
        for name, (kind, modality) in settings.items():
            _touch(folder / name / "inference_config.json", json.dumps({"modeltype": kind, "modality": modality}))
    else:
        model = folder / "Dataset900_Spine" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
        labels = {"background": 0, "vertebrae_T12": 1, "vertebrae_L1": 2, "vertebrae_L2": 3}
        told = {"channel_names": {"0": "CT"}, "labels": labels, "file_ending": ".nii.gz"}
        _touch(model / "dataset.json", json.dumps(told))
        _touch(model / "plans.json", "{}")
        for fold in (0, 3):
            _touch(model / f"fold_{fold}" / "checkpoint_final.pth")
    return folder


def numbered_ct() -> Volume:
    """A CT whose grey values are the wanted VerSe numbers: T12, L1 and L2, stacked from head to foot, left marked."""
    values = np.full((8, 6, 12), -100, np.int16)
    for number, top in ((19, 12), (20, 8), (21, 4)):
        values[2:6, 1:5, top - 3 : top] = number
    values[6:, 1:3, 5:8] = 20  # towards the patient's left only
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (-20.0, 30.0, 400.0)
    return Volume(values, Geometry(affine, values.shape, "1.2.3"), "[hnsf'U]")


def _touch(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
