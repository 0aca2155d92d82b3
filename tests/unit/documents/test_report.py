"""The report: one offline file, everything said in words, blocking questions first."""

import dataclasses
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pypdf import PdfReader

from spondyl.documents.report import write_report
from spondyl.documents.summary import AGE_UNKNOWN
from spondyl.errors import InputError
from spondyl.findings import Findings, not_evaluable
from spondyl.spine import Level, Spine
from spondyl.studies import Patient, Suitability, Usability

SUITABILITY = (Suitability("density", Usability.UNSUITABLE, ("the lung kernel enhances edges",)),)


class Reader(HTMLParser):
    """Collects the tags, their attributes and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory, spine: Spine, findings: Findings) -> str:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, spine=spine, findings=findings, suitability=SUITABILITY)
    return path.read_text("utf-8")


def test_nothing_is_loaded_from_outside(html: str) -> None:
    tags = Reader(html).tags
    targets = [value for _, attributes in tags for key, value in attributes.items() if key in ("src", "href")]
    assert targets and all(value.startswith(("data:image/png;base64,", "#")) for value in targets if value)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in tags}
    assert "url(" not in html and "@import" not in html
    assert "default-src 'none'" in html


def test_order_of_the_report(html: str) -> None:
    text = Reader(html).text
    order = [
        *("Research use only", "Answer first", "The record says female", "In short", "L1 has a severe deformity"),
        *("From the side", "From the front", "L1, close up", "Levels from head to foot", "Further findings"),
        *("All findings, level by level", "Findings: L1", "What the input is good enough for", "Limits of the method"),
        *("Methods and sources", "How heights are defined", "Versions and hashes"),
    ]
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_pictures_have_words_and_tables_have_heads(html: str) -> None:
    tags = Reader(html).tags
    pictures = [attributes for tag, attributes in tags if tag == "img"]
    assert len(pictures) == 4 and all(len(picture["alt"] or "") > 40 for picture in pictures)
    count = {tag: sum(t == tag for t, _ in tags) for tag in ("table", "caption", "figure", "figcaption")}
    assert count["table"] == count["caption"] and count["figure"] == count["figcaption"] == 4
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    assert ("html", {"lang": "en"}) in tags


def test_every_finding_is_there_with_interval_status_and_link_to_its_source(html: str, findings: Findings) -> None:
    reader = Reader(html)
    assert "16.2 mm" in reader.text and "15.8 to 16.8" in reader.text
    assert "not evaluable: the CT is missing there" in reader.text
    links = [a["href"] or "" for tag, a in reader.tags if tag == "a"]
    links = [link for link in links if link.startswith(("#source-", "#method-"))]
    shown = [f for f in findings if not f.name.startswith("genant_grade_probability")]
    methods = [a for tag, a in reader.tags if tag == "tr" and (a.get("id") or "").startswith("method-")]
    assert len(links) == 2 * len(shown) + len(methods)
    ids = [attributes.get("id") for _, attributes in reader.tags]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert len([i for i in ids if i]) == len({i for i in ids if i})


def test_a_long_reason_stands_once_and_is_pointed_at(tmp_path: Path, findings: Findings) -> None:
    why = "the kernel enhances edges, the tube voltage is not recorded, and contrast is unknown"
    doubtful = tuple(not_evaluable("density", level, "mg/cm3", why, "line") for level in (Level.T12, Level.L1))
    write_report(tmp_path / "report.html", findings=findings + doubtful)
    reader = Reader((tmp_path / "report.html").read_text("utf-8"))
    full_list = reader.text[reader.text.index("All findings, level by level") :]
    assert full_list.count(why) == 1
    assert [a["href"] for tag, a in reader.tags if tag == "a"].count("#reason-1") == 2
    assert ("li", {"id": "reason-1"}) in reader.tags


def test_the_summary_does_not_call_a_deformity_a_fracture(html: str) -> None:
    text = Reader(html).text
    short = text[text.index("In short") : text.index("Pictures")]
    assert re.findall(r"[^.]*fracture[^.]*\.", short) == [" " + AGE_UNKNOWN.split(". ", 1)[1]]


def test_what_files_say_cannot_become_markup(tmp_path: Path, spine: Spine, findings: Findings) -> None:
    noted = dataclasses.replace(spine, notes=("<script>alert(1)</script>",))
    write_report(tmp_path / "report.html", spine=noted, findings=findings)
    html = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in html and "&lt;script&gt;" in html


def test_findings_alone_make_a_report(tmp_path: Path, findings: Findings) -> None:
    write_report(tmp_path / "report.html", findings=findings, patient=Patient(age_years=80))
    text = Reader((tmp_path / "report.html").read_text("utf-8")).text
    assert "80 years" in text and "none given: what needs grey values is not evaluable" in text
    assert "Answer first" not in text
    assert "Not recorded Sex; Worst pain" in text


def test_the_same_input_gives_the_same_file(tmp_path: Path, spine: Spine, findings: Findings) -> None:
    for name in ("one.html", "two.html"):
        write_report(tmp_path / name, spine=spine, findings=findings)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_the_pdf_holds_the_same_words(tmp_path: Path, spine: Spine, findings: Findings) -> None:
    pdf = tmp_path / "report.pdf"
    write_report(tmp_path / "r.html", spine=spine, findings=findings, suitability=SUITABILITY, pdf=pdf)
    reader = PdfReader(tmp_path / "report.pdf")
    pages = [re.sub(r"\s+", " ", page.extract_text()) for page in reader.pages]
    text = " ".join(pages)
    for words in ("Answer first", "L1 has a severe deformity", "16.2 (15.8–16.8)", "the lung kernel enhances edges"):
        assert words in text
    assert all("Research use only" in page for page in pages)
    assert "From the side" in pages[0] and len(pages) <= 4
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_both_files_come_from_one_call(tmp_path: Path, spine: Spine, findings: Findings) -> None:
    write_report(tmp_path / "report.html", findings=findings, spine=spine, pdf=tmp_path / "report.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.pdf"]


def test_without_weasyprint_the_error_names_the_extra(
    tmp_path: Path, findings: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    with pytest.raises(InputError, match=r"spondyl\[pdf\]"):
        write_report(tmp_path / "report.html", findings=findings, pdf=tmp_path / "report.pdf")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
