"""The frame of the small pages that people see in place of a problem document."""

from html import escape

# Nothing but the page's own style: no script, no picture, no frame, and no request to anybody.
CSP = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HTML = b"text/html; charset=utf-8"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto 0;padding:0 1.5rem;color:#1c2733;
background:#fbfcfd}}h1{{font-size:1.5rem}}a{{color:#0b57a4;overflow-wrap:anywhere}}
@media(prefers-color-scheme:dark){{body{{color:#dde5ec;background:#12181e}}a{{color:#8dc1f5}}}}</style></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


def page(title: str, html: str) -> bytes:
    """A whole page. `html` is trusted, `title` is not."""
    return _PAGE.format(title=escape(title), text=html).encode()


def is_for_people(accept: bytes) -> bool:
    """Whether a client with this Accept header shows pages: browsers do, programs do not ask for HTML."""
    return b"text/html" in accept
