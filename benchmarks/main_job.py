"""Time and peak memory of the main job and of each of its stages, on a virtual lumbar spine.

With asv, in an environment where the package is installed: `asv run --config benchmarks/asv.conf.json`. Without it,
`python -m benchmarks.main_job` prints the CPU seconds of each stage. CPU time is what is compared: a busy machine
changes it far less than the time on the clock.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spondyl.app.inputs import Inputs
from spondyl.app.job import Job
from spondyl.app.measuring import measure
from spondyl.documents.pages import pdf_version
from spondyl.documents.report import write_report
from spondyl.errors import InputError
from spondyl.findings import Findings
from spondyl.spine import Level, Spine, build_spine
from spondyl.studies import Study, read_study, write_label_nifti, write_nifti
from spondyl.synthetic import WEDGE_30, ScanSpec, VertebraSpec, VirtualSpineSpec, make_virtual_patient

LEVELS = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
SLICES_MM = (1.0, 3.0)


def make_case(folder: Path, slice_mm: float) -> Path:
    """A folder with the CT and the labels of a virtual patient with a wedged L1."""
    scan = ScanSpec(in_plane_mm=1.0, slice_step_mm=slice_mm)
    spec = VirtualSpineSpec(levels=LEVELS, scan=scan, vertebrae={Level.L1: VertebraSpec(deformity=WEDGE_30)})
    made = make_virtual_patient(spec, np.random.default_rng(0))
    folder.mkdir(parents=True)
    write_nifti(made.ct, folder / "ct.nii.gz")
    write_label_nifti(made.labels, folder / "labels.nii.gz")
    return folder


def run_job(case: Path, out: Path) -> None:
    """The main job, from files to report."""
    inputs = Inputs(case / "ct.nii.gz", case / "labels.nii.gz", "verse")
    Job(out, inputs, tell=lambda *_: None).run()


def has_pdf() -> bool:
    """Whether a PDF can be laid out here."""
    try:
        return bool(pdf_version())
    except InputError:
        return False


class MainJob:
    """`spondyl plan` without the start of Python."""

    timeout = 300
    params = SLICES_MM
    param_names = ("slice_mm",)

    def setup_cache(self) -> dict[float, str]:
        """Virtual patients, made once for all benchmarks."""
        return {slice_mm: str(make_case(Path(f"case-{slice_mm}").resolve(), slice_mm)) for slice_mm in SLICES_MM}

    def setup(self, cases: dict[float, str], slice_mm: float) -> None:
        """A fresh case folder: nothing is kept from an earlier run."""
        self.case, self.out = Path(cases[slice_mm]), tempfile.TemporaryDirectory()

    def teardown(self, *_: Any) -> None:
        """Leave nothing behind."""
        self.out.cleanup()

    def time_plan(self, *_: Any) -> None:
        """The whole job; each call into a folder of its own."""
        run_job(self.case, Path(tempfile.mkdtemp(dir=self.out.name)))

    def peakmem_plan(self, *_: Any) -> None:
        """Peak memory of the whole job."""
        run_job(self.case, Path(tempfile.mkdtemp(dir=self.out.name)))


class Stages:
    """Each stage on the records of the one before."""

    timeout = 300
    params = SLICES_MM
    param_names = ("slice_mm",)

    def setup_cache(self) -> dict[float, tuple[Study, Spine, Findings]]:
        """The records, made once for all benchmarks."""
        records = {}
        for slice_mm in SLICES_MM:
            case = make_case(Path(f"stages-{slice_mm}").resolve(), slice_mm)
            study = read_study(case / "ct.nii.gz")
            spine = build_spine(study, labels=case / "labels.nii.gz", label_map="verse")
            records[slice_mm] = study, spine, measure(spine)
        return records

    def setup(self, records: dict[float, tuple[Study, Spine, Findings]], slice_mm: float) -> None:
        """The records of one patient."""
        self.study, self.spine, self.findings = records[slice_mm]
        self.case, self.out = Path(f"stages-{slice_mm}").resolve(), tempfile.TemporaryDirectory()

    def teardown(self, *_: Any) -> None:
        """Leave nothing behind."""
        self.out.cleanup()

    def time_read_study(self, *_: Any) -> None:
        """From file to study."""
        read_study(self.case / "ct.nii.gz")

    def time_build_spine(self, *_: Any) -> None:
        """From study and labels to spine."""
        build_spine(self.study, labels=self.case / "labels.nii.gz", label_map="verse")

    def time_measure(self, *_: Any) -> None:
        """All findings."""
        measure(self.spine)

    def time_report(self, *_: Any) -> None:
        """report.html with its pictures."""
        self._write(None)

    def time_report_with_pdf(self, *_: Any) -> None:
        """report.html and report.pdf; not measured where no PDF can be laid out."""
        if not has_pdf():
            raise NotImplementedError
        self._write(Path(self.out.name) / "report.pdf")

    def _write(self, pdf: Path | None) -> None:
        write_report(
            Path(self.out.name) / "report.html",
            study=self.study,
            spine=self.spine,
            findings=self.findings,
            pdf=pdf,
        )


def main() -> None:
    """Print the CPU seconds of each stage, the least of two runs; no asv is needed."""
    with tempfile.TemporaryDirectory() as folder:
        for slice_mm in SLICES_MM:
            case = make_case(Path(folder) / f"case-{slice_mm}", slice_mm)
            for name, step in stages_of(case, Path(folder)).items():
                print(f"{slice_mm} mm  {name:12} {min(cpu_seconds(step) for _ in range(2)):6.2f} s CPU", flush=True)


def stages_of(case: Path, folder: Path) -> dict[str, Callable[[], object]]:
    """The stages by name, each on the records of the one before."""
    study = read_study(case / "ct.nii.gz")
    spine = build_spine(study, labels=case / "labels.nii.gz", label_map="verse")
    findings = measure(spine)
    pdf = folder / "report.pdf" if has_pdf() else None
    return {
        "read_study": lambda: read_study(case / "ct.nii.gz"),
        "build_spine": lambda: build_spine(study, labels=case / "labels.nii.gz", label_map="verse"),
        "measure": lambda: measure(spine),
        "write_report": lambda: write_report(folder / "report.html", spine=spine, findings=findings, pdf=pdf),
        "whole job": lambda: run_job(case, Path(tempfile.mkdtemp(dir=folder))),
    }


def cpu_seconds(step: Callable[[], object]) -> float:
    """CPU time of one call. [s]"""
    start = time.process_time()
    step()
    return time.process_time() - start


if __name__ == "__main__":
    main()
