"""The answers for people who followed a link that leads nowhere, and the page that shows where one leads."""

from html import escape

import ada_url
import orjson

from shortener.errors import PROBLEM_JSON, TYPE_PREFIX, ShortenerError

# Nothing but the page's own style: no script, no picture, no frame, no request to anybody.
CSP = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto 0;padding:0 1.5rem;color:#1c2733;
background:#fbfcfd}}h1{{font-size:1.5rem}}a{{color:#0b57a4;overflow-wrap:anywhere}}
@media(prefers-color-scheme:dark){{body{{color:#dde5ec;background:#12181e}}a{{color:#8dc1f5}}}}</style></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


def page(title: str, html: str) -> bytes:
    """A whole page; `html` is trusted, `title` is not."""
    return _PAGE.format(title=escape(title), text=html).encode()


def error_body(error: ShortenerError, wants_page: bool) -> tuple[bytes, bytes]:
    """Content type and body of an error, for a person or for a program."""
    if wants_page:
        return b"text/html; charset=utf-8", page(error.title, escape(error.detail))
    document = {"type": TYPE_PREFIX + error.type, "title": error.title, "status": error.status, "detail": error.detail}
    return PROBLEM_JSON.encode(), orjson.dumps(document)


def destination_body(code: str, short_url: str, url: str, wants_page: bool) -> tuple[bytes, bytes]:
    """Content type and body that say where a link leads."""
    if wants_page:
        link = f'<a href="{escape(url)}" rel="noreferrer nofollow">{escape(url)}</a>'
        return b"text/html; charset=utf-8", page(f"/{code} leads to", link)
    return b"application/json", orjson.dumps({"code": code, "short_url": short_url, "url": url})


def warning_body(code: str, short_url: str, url: str, consent: str, wants_page: bool) -> tuple[bytes, bytes]:
    """Content type and body that name the host in both its forms; who goes on does so with the query `consent`."""
    host = ada_url.URL(url).hostname
    readable = str(ada_url.idna_to_unicode(host))
    if wants_page:
        html = (
            f"This link leads to a site whose name may look like another one's. As it is to be read:</p>"
            f"<p><strong>{escape(readable)}</strong></p><p>As computers write it:</p>"
            f"<p><strong>{escape(host)}</strong></p><p>If that is not the site that you expect, close this page.</p>"
            f'<p><a href="/{code}?{escape(consent)}" rel="nofollow noreferrer">Go on to {escape(host)}</a>'
        )
        return b"text/html; charset=utf-8", page("Do you know this site?", html)
    document = {"code": code, "short_url": short_url, "url": url, "host": host, "unicode_host": readable}
    document["warning"] = "The host's name may look like another one's. Show it to whoever wants to follow the link."
    return b"application/json", orjson.dumps(document | {"continue_url": f"{short_url}?{consent}"})
