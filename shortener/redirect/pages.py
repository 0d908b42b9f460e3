"""Content type and body of the answers that are not redirects: a page for people, a document for programs."""

from html import escape
from urllib.parse import urlencode

import ada_url
import orjson

from shortener.errors import ShortenerError
from shortener.http.page import HTML, page
from shortener.http.problems import PROBLEM_JSON, document_of
from shortener.redirect.options import Preview

JSON = b"application/json"
Content = tuple[bytes, bytes]


def error_content(error: ShortenerError, wants_page: bool, report_url: str = "", short_url: str = "") -> Content:
    """`report_url` is where people can report the link."""
    if wants_page:
        return HTML, page(error.title, f"{escape(error.detail)}{_report(report_url, short_url)}")
    return PROBLEM_JSON.encode(), orjson.dumps(document_of(error))


def destination_content(
    code: str, short_url: str, url: str, wants_page: bool, report_url: str = "", stats_url: str | None = None
) -> Content:
    """Where a link leads. `report_url` is where people can report it, and `stats_url` has its figures, if anywhere."""
    if wants_page:
        stats = f'</p><p><a href="{escape(stats_url)}">How often it was followed</a>' if stats_url else ""
        link = f'<a href="{escape(url)}" rel="noreferrer nofollow">{escape(url)}</a>'
        return HTML, page(f"/{code} leads to", f"{link}{stats}{_report(report_url, short_url)}")
    shown = {"code": code, "short_url": short_url, "url": url}
    return JSON, orjson.dumps(shown | ({"stats_url": stats_url} if stats_url else {}))


def _report(report_url: str, short_url: str) -> str:
    if not report_url:
        return ""
    href = f"{report_url}?{urlencode({'url': short_url}, safe='{}')}"
    return f'</p><p><small><a href="{escape(href)}" rel="nofollow">Report this link</a></small>'


def warning_content(
    code: str, short_url: str, url: str, consent: str, wants_page: bool, report_url: str = ""
) -> Content:
    """Names the host in both its forms. The query `consent` follows the link all the same."""
    host = ada_url.URL(url).hostname
    readable = str(ada_url.idna_to_unicode(host))
    if wants_page:
        html = (
            f"This link leads to a site whose name may look like another one's. As people read it:</p>"
            f"<p><strong>{escape(readable)}</strong></p><p>As computers write it:</p>"
            f"<p><strong>{escape(host)}</strong></p><p>If that is not the site that you expect, close this page.</p>"
            f'<p><a href="/{code}?{escape(consent)}" rel="nofollow noreferrer">Go on to {escape(host)}</a>'
            f"{_report(report_url, short_url)}"
        )
        return HTML, page("Do you know this site?", html)
    document = {"code": code, "short_url": short_url, "url": url, "host": host, "unicode_host": readable}
    document["warning"] = "The host's name may look like another one's. Show it to whoever wants to follow the link."
    return JSON, orjson.dumps(document | {"continue_url": f"{short_url}?{consent}"})


def locked_content(error: str) -> Content:
    """A form for the link's password, and what is wrong with the one that was sent."""
    fault = f'<p class="error" role="alert" id="error">{escape(error)}</p>' if error else ""
    described = ' aria-describedby="error" aria-invalid="true"' if error else ""
    html = (
        f'Ask the person who shared the link with you.</p>{fault}<form method="post">'
        f'<label for="password">Password</label>'
        f'<input id="password" name="password" type="password" required autofocus autocomplete="off"{described}> '
        f"<button>Open</button></form><p>"
    )
    return HTML, page("This link needs a password", html)


def withheld_content(wants_page: bool) -> Content:
    title, text = "A short link", "Open it in a browser to follow it."
    if wants_page:
        return HTML, page(title, text)
    return JSON, orjson.dumps({"title": title, "detail": text})


def card_content(short_url: str, preview: Preview) -> Content:
    """A page of which link-preview agents show title, description and picture."""
    title = preview.title or short_url
    parts = {"og:title": title, "og:description": preview.description, "og:image": preview.image_url}
    parts |= {"og:url": short_url, "og:type": "website"}
    tags = [f'<meta property="{name}" content="{escape(value)}">' for name, value in parts.items() if value]
    card = "summary_large_image" if preview.image_url else "summary"
    tags.append(f'<meta name="twitter:card" content="{card}">')
    return HTML, page(title, escape(preview.description or ""), "".join(tags))
