"""Which series of a folder is read: mixed series taken apart, one chosen by a stated rule."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spondyl.errors import InputError
from spondyl.studies.dicom_headers import SliceHeader
from spondyl.studies.types import OtherSeries

SAME_DIRECTION = 0.9998  # cosine of about 1 degree: planes of one stack, as headers round them
COVERS_AS_MUCH = 0.8  # of the longest series' extent: a choice; a slice or two more or less decides nothing
THIN_ENOUGH_MM = 1.5  # below this, softness counts more than thinness: the limit for pedicle clearance (suitability)
FEWEST_SLICES = 3  # two slices show a spacing but not whether it is regular

# Words of reconstruction kernels for lung, bone and edges, by maker. Numbered kernels (Siemens B70f, Br59, Philips
# YA, YB, Canon FC30, FC50...) count as sharp from the maker's bone and lung range on.
_SHARP_WORDS = re.compile(r"LUNG|BONE|EDGE|SHARP|DETAIL|HRCT|ULTRA|^Y[A-D]$|^E$|^D$")
_SIEMENS = re.compile(r"^[BHUQDIT][A-Z]?(\d{2})")
_SIEMENS_SHARP = 50
_CANON = re.compile(r"^FC(\d{2})")
_CANON_SHARP = ((30, 39), (50, 59), (80, 89))
_DESCRIBED = ("SeriesDescription", "ConvolutionKernel", "ImageType", "StudyDate", "PatientSex", "PatientAge")
_NOT_A_STACK = {"LOCALIZER", "MIP", "MINIP", "MPR_MIP", "PROJECTION IMAGE", "MAX_IP", "VRT", "SSD", "SCREEN SAVE"}


@dataclass(frozen=True, eq=False)
class Series:
    """Slices that belong together."""

    slices: tuple[SliceHeader, ...]

    @property
    def first(self) -> SliceHeader:
        """One slice that speaks for all."""
        return self.slices[0]

    @property
    def uid(self) -> str | None:
        """SeriesInstanceUID, None where it is empty."""
        return self.first.text("SeriesInstanceUID")

    @property
    def image_types(self) -> set[str]:
        """The words of ImageType."""
        return {word.strip().upper() for word in (self.first.text("ImageType") or "").split("\\")}

    @property
    def positions_mm(self) -> list[float]:
        """Distinct places along the slice normal, rising."""
        places = [float(s.position @ self.first.normal) for s in self.slices if s.position is not None]
        return sorted({round(place, 2) for place in places})

    @property
    def extent_mm(self) -> float:
        """Distance from the first to the last slice."""
        return self.positions_mm[-1] - self.positions_mm[0]

    @property
    def spacing_mm(self) -> float:
        """Median distance of neighbouring slices."""
        return float(np.median(np.diff(self.positions_mm)))


def is_sharp_kernel(kernel: str | None) -> bool | None:
    """Whether a reconstruction kernel's name is one for lung, bone or edges; None where it is not recorded."""
    if not kernel:
        return None
    name = kernel.split("\\")[0].strip().upper()
    siemens, canon = _SIEMENS.match(name), _CANON.match(name)
    if siemens:
        return int(siemens[1]) >= _SIEMENS_SHARP
    if canon:
        return any(low <= int(canon[1]) <= high for low, high in _CANON_SHARP)
    return bool(_SHARP_WORDS.search(name))


def separate(headers: Sequence[SliceHeader]) -> tuple[Series, ...]:
    """Take the images apart into series.

    Images with one SeriesInstanceUID belong together, except that a localizer or another plane within it stands apart.
    Where the UID is empty, what differs in description, kernel, image type, acquired matrix or pixel size stands apart
    as well. Planes count as one when their directions differ by less than a degree.
    """
    groups: dict[tuple[object, ...], list[SliceHeader]] = {}
    planes: list[SliceHeader] = []
    for header in headers:
        groups.setdefault((*_identity(header), _plane(header, planes)), []).append(header)
    return tuple(Series(tuple(group)) for group in groups.values())


def _identity(header: SliceHeader) -> tuple[object, ...]:
    kind = header.text("Modality"), "LOCALIZER" in (header.text("ImageType") or "").upper()
    uid = header.text("SeriesInstanceUID")
    if uid is not None:
        return uid, *kind
    described = tuple(header.text(k) for k in _DESCRIBED)
    return None, *kind, *described, header.shape, header.pixel_spacing_mm


def _plane(header: SliceHeader, planes: list[SliceHeader]) -> int:
    """Number of the plane in which a slice lies; a new plane is added to the list."""
    if header.row_direction is None or header.column_direction is None:
        return -1
    for number, known in enumerate(planes):
        assert known.row_direction is not None and known.column_direction is not None
        same_row = header.row_direction @ known.row_direction > SAME_DIRECTION
        if same_row and header.column_direction @ known.column_direction > SAME_DIRECTION:
            return number
    planes.append(header)
    return len(planes) - 1


def choose(found: Sequence[Series], wanted: str | None) -> tuple[Series, tuple[OtherSeries, ...]]:
    """The series to read, and the others with the reason why not.

    `wanted` is a SeriesInstanceUID or a SeriesDescription. Without it the rule is, in this order: a stack of grey CT
    slices (no localizer, projection or screen shot); original before derived; at least 80 % of the longest extent;
    closer slices down to 1.5 mm; a soft kernel before an unknown before a sharp one, since density needs it; closer
    slices; more slices.
    """
    reasons = [_why_not(series) for series in found]
    usable = [series for series, reason in zip(found, reasons, strict=True) if reason is None]
    if wanted is not None:
        chosen = _named(found, wanted)
        reason = reasons[list(found).index(chosen)]
        if reason is not None:
            raise InputError(f"the series '{wanted}' cannot be read: {reason}; a stack of CT slices is expected")
    elif usable:
        longest = max(series.extent_mm for series in usable)
        chosen = min(usable, key=lambda series: _rank(series, longest))
    else:
        raise InputError(_nothing_usable(found, reasons))
    others = tuple(
        _other(series, reason or _less_good(series, chosen, wanted))
        for series, reason in zip(found, reasons, strict=True)
        if series is not chosen
    )
    return chosen, others


def _rank(series: Series, longest: float) -> tuple[object, ...]:
    sharp = is_sharp_kernel(series.first.text("ConvolutionKernel"))
    return (
        "DERIVED" in series.image_types,
        series.extent_mm < COVERS_AS_MUCH * longest,
        max(round(series.spacing_mm, 2), THIN_ENOUGH_MM),
        {False: 0, None: 1, True: 2}[sharp],
        round(series.spacing_mm, 2),
        -len(series.slices),
        series.uid or "",
    )


def _why_not(series: Series) -> str | None:
    """Why a series cannot be read as a CT stack, None where it can."""
    first = series.first
    modality = first.text("Modality")
    if modality != "CT":
        return f"its modality is {modality or 'not recorded'}, not CT"
    if _is_colour(first):
        return "its pixels are in colour, not grey values"
    kinds = series.image_types & _NOT_A_STACK
    if kinds:
        return f"its image type is {', '.join(sorted(kinds))}, not a stack of slices"
    if first.frame is not None and first.position is None:
        return "it is a multi-frame image whose frames have no positions"
    if any(s.position is None or s.row_direction is None for s in series.slices):
        return "position or orientation is missing in at least one of its images"
    if any(s.pixel_spacing_mm is None for s in series.slices):
        return "the pixel spacing is missing in at least one of its images"
    if len(series.positions_mm) < FEWEST_SLICES:
        return f"it has {len(series.positions_mm)} slice positions, fewer than {FEWEST_SLICES}"
    return None


def _is_colour(header: SliceHeader) -> bool:
    samples = int(header.dataset.get("SamplesPerPixel") or 1)
    return samples != 1 or not (header.text("PhotometricInterpretation") or "MONOCHROME2").startswith("MONOCHROME")


def _named(found: Sequence[Series], wanted: str) -> Series:
    matches = [s for s in found if wanted in (s.uid, s.first.text("SeriesDescription"))]
    if len(matches) != 1:
        known = "; ".join(str(s.uid or s.first.text("SeriesDescription")) for s in found)
        raise InputError(
            f"{len(matches)} series are called '{wanted}'; exactly one is expected. Here are: {known}. Give a "
            "SeriesInstanceUID, or a folder with that series alone"
        )
    return matches[0]


def _nothing_usable(found: Sequence[Series], reasons: Sequence[str | None]) -> str:
    counted = Counter(
        f"{len(series.slices)} image{'s' * (len(series.slices) != 1)}: {reason}"
        for series, reason in zip(found, reasons, strict=True)
    )
    told = "; ".join(text if n == 1 else f"{n} series of {text}" for text, n in counted.items())
    return (
        f"no CT stack was found ({told}); parallel grey CT slices with positions are expected: give the axial CT series"
    )


def _other(series: Series, reason: str) -> OtherSeries:
    first = series.first
    return OtherSeries(series.uid, first.text("SeriesDescription"), first.text("Modality"), len(series.slices), reason)


def _less_good(series: Series, chosen: Series, wanted: str | None) -> str:
    """The first step of the rule at which a usable series lost."""
    if wanted is not None:
        return "another series was asked for by name"
    longest = max(series.extent_mm, chosen.extent_mm)
    steps = (
        "it is derived from another series",
        f"it covers {series.extent_mm:.0f} mm, the chosen one {chosen.extent_mm:.0f} mm",
        f"its slices are {series.spacing_mm:.2f} mm apart, those of the chosen one {chosen.spacing_mm:.2f} mm",
        "its kernel is sharper or not recorded",
        f"its slices are {series.spacing_mm:.2f} mm apart, those of the chosen one {chosen.spacing_mm:.2f} mm",
        f"it has {len(series.slices)} images, the chosen one {len(chosen.slices)}",
        "it is equal in all; the first UID was taken",
    )
    pairs = zip(_rank(series, longest), _rank(chosen, longest), steps, strict=True)
    return next((reason for mine, its, reason in pairs if mine != its), steps[-1])
