"""Content type and body of the answers that are not redirects: a page for people, a document for programs."""

from html import escape

import ada_url
import orjson

from shortener.errors import ShortenerError
from shortener.http.page import HTML, page
from shortener.http.problems import PROBLEM_JSON, document_of

JSON = b"application/json"
Content = tuple[bytes, bytes]


def error_content(error: ShortenerError, wants_page: bool) -> Content:
    if wants_page:
        return HTML, page(error.title, escape(error.detail))
    return PROBLEM_JSON.encode(), orjson.dumps(document_of(error))


def destination_content(code: str, short_url: str, url: str, wants_page: bool) -> Content:
    """Where a link leads."""
    if wants_page:
        link = f'<a href="{escape(url)}" rel="noreferrer nofollow">{escape(url)}</a>'
        return HTML, page(f"/{code} leads to", link)
    return JSON, orjson.dumps({"code": code, "short_url": short_url, "url": url})


def warning_content(code: str, short_url: str, url: str, consent: str, wants_page: bool) -> Content:
    """Names the host in both its forms. The query `consent` follows the link all the same."""
    host = ada_url.URL(url).hostname
    readable = str(ada_url.idna_to_unicode(host))
    if wants_page:
        html = (
            f"This link leads to a site whose name may look like another one's. As people read it:</p>"
            f"<p><strong>{escape(readable)}</strong></p><p>As computers write it:</p>"
            f"<p><strong>{escape(host)}</strong></p><p>If that is not the site that you expect, close this page.</p>"
            f'<p><a href="/{code}?{escape(consent)}" rel="nofollow noreferrer">Go on to {escape(host)}</a>'
        )
        return HTML, page("Do you know this site?", html)
    document = {"code": code, "short_url": short_url, "url": url, "host": host, "unicode_host": readable}
    document["warning"] = "The host's name may look like another one's. Show it to whoever wants to follow the link."
    return JSON, orjson.dumps(document | {"continue_url": f"{short_url}?{consent}"})
