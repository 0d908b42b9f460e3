"""Templates, and what they can call."""

from importlib.resources import files
from typing import Any
from urllib.parse import urlencode, urlsplit

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from shortener.dashboard import charts, titles
from shortener.dashboard.assets import Assets
from shortener.dashboard.forms import said, sentence, wait_of
from shortener.dashboard.wording import _, ngettext, spoken
from shortener.links.schemas import LinkOut
from shortener.text import log_line

_TEMPLATES = files("shortener.dashboard") / "templates"


class Templates:
    """All templates, each compiled when it is first used. They write whatever they are given as text."""

    def __init__(self, assets: Assets) -> None:
        self._environment = Environment(
            loader=FunctionLoader(_source), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True, auto_reload=False, cache_size=-1, extensions=["jinja2.ext.do"],
        )  # fmt: skip
        self._environment.globals |= {
            "_": _,
            "ngettext": ngettext,
            "w": _Spoken(),
            "asset": assets.path,
            "icons": assets.icons,
            "icon": icon,
            "query": query,
            "parts_of_url": parts_of_url,
            "name_of": name_of,
            "short_of": short_of,
            "sparkline": charts.sparkline,
            "error_text": said,
            "wait_of": wait_of,
            "error_sentence": sentence,
            "ban_title": titles.ban_title,
            "reason_title": titles.reason_title,
            "role_title": titles.role_title,
            "state_title": titles.state_title,
            "having_title": titles.having_title,
            "condition_title": titles.condition_title,
        }
        self._environment.filters["shown"] = log_line
        self._environment.globals["m"] = self._environment.get_template("macros.html").module

    def page(self, name: str, values: dict[str, Any]) -> str:
        return self._environment.get_template(name).render(values)

    def block(self, name: str, block: str, values: dict[str, Any]) -> str:
        """A part of a page, for a browser that has the rest, and the message that goes with it. A page without such a
        part is given as a whole."""
        template = self._environment.get_template(name)
        if block not in template.blocks:
            return self.page(name, values)
        part = "".join(template.blocks[block](template.new_context(values)))
        return part + self.page("announced.html", values)


class _Spoken:
    """The wording of the request, for templates that are loaded once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(spoken(), name)


def _source(name: str) -> str | None:
    file = _TEMPLATES / name
    return file.read_text(encoding="utf-8") if file.is_file() else None


def icon(name: str) -> Markup:
    return Markup('<svg class="icon" aria-hidden="true"><use href="#i-{}"/></svg>').format(name)


def query(values: dict[str, Any], **changes: Any) -> str:
    """The query of a URL with these values; those that are None or empty are left out."""
    merged = {name: value for name, value in (values | changes).items() if value not in (None, "", False)}
    return f"?{urlencode(merged, doseq=True)}" if merged else ""


def name_of(link: LinkOut) -> str:
    """The link's name in paths of pages. Codes are unique on one host only."""
    return link.code if link.domain is None else link.id


def short_of(link: LinkOut) -> str:
    """The short URL as people write it."""
    return link.short_url.partition("://")[2]


def parts_of_url(url: str) -> tuple[str, str]:
    """The host, and what follows it."""
    parts = urlsplit(url)
    rest = url.partition("://")[2].partition("/")
    return parts.netloc.rpartition("@")[2].removeprefix("www."), f"/{rest[2]}" if rest[2] else ""
