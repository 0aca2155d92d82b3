"""Pages from templates: one offline HTML file, and a tagged PDF of the same words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from spondyl.errors import InputError
from spondyl.studies import write_whole


def render(template: str, content: Mapping[str, Any], *, for_print: bool) -> str:
    """The HTML of a template; a name that the content lacks is an error."""
    environment = Environment(
        loader=PackageLoader("spondyl.documents"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["base64"] = lambda png: base64.b64encode(png).decode("ascii")
    return environment.get_template(template).render(content, for_print=for_print)


def write_pdf_page(path: Path, html: str, *, identifier: str) -> None:
    """The PDF of a page, tagged for screen readers (PDF/UA). Nothing is fetched."""
    weasyprint = _weasyprint()
    embedded_only = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    document = weasyprint.HTML(string=html, url_fetcher=embedded_only)
    write_whole(path, document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=identifier.encode()))


def pdf_version() -> str:
    """The version of the library that makes PDFs; an `InputError` where it or Pango is missing."""
    return str(_weasyprint().__version__)


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise InputError(
            f"the PDF needs WeasyPrint and the Pango library ({type(error).__name__}): install 'spondyl[pdf]' and, on "
            "Debian, libpango-1.0-0 and libpangoft2-1.0-0; the HTML file holds the same words"
        ) from None
    return weasyprint
