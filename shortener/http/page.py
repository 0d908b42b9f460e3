"""The template of the small pages that people see instead of a problem document."""

from html import escape

# Only the page's own style: no scripts, pictures, frames or requests.
CSP = b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# A form that leads elsewhere once it is sent: browsers ask for its destination's permission too.
CSP_WITH_FORM = CSP.replace(b"form-action 'none'", b"form-action 'self' https: http:")
HTML = b"text/html; charset=utf-8"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title>{head}
<style>body{{font:1.1rem/1.6 system-ui,sans-serif;max-width:38rem;margin:15vh auto 0;padding:0 1.5rem;color:#1c2733;
background:#fbfcfd}}h1{{font-size:1.5rem}}a{{color:#0b57a4;overflow-wrap:anywhere}}
input,button{{font:inherit;padding:.5rem .75rem;border:1px solid #8894a0;border-radius:.4rem;background:none;
color:inherit}}
button{{background:#0b57a4;border-color:#0b57a4;color:#fff}}label{{display:block;margin-bottom:.25rem}}
.error{{color:#b3261e}}
@media(prefers-color-scheme:dark){{body{{color:#dde5ec;background:#12181e}}a{{color:#8dc1f5}}
.error{{color:#f2b8b5}}}}</style></head>
<body><main><h1>{title}</h1><p>{text}</p></main></body></html>
"""


def page(title: str, html: str, head: str = "") -> bytes:
    """A whole page. `html`, and `head` for its head, are trusted, `title` is not."""
    return _PAGE.format(title=escape(title), text=html, head=head).encode()


def is_for_people(accept: bytes) -> bool:
    """Whether a client with this Accept header shows pages, as browsers do; programs do not ask for HTML."""
    return b"text/html" in accept
