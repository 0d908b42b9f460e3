"""Messages of the API about single fields, in the reader's language. Others stay as they are."""

import re

from shortener.dashboard.wording import _


def text(message: str) -> str:
    """Marks a message for `make messages`."""
    return message


_MESSAGES = (
    text("no worker has reported within the last seconds: start one with shortener worker"),
    text("the database is at %(current)s, this version needs %(head)s: run shortener migrate"),
    text("clicks are counted %(n)s s late"),
    text("the URL is empty"),
    text("the URL is longer than %(n)s characters"),
    text("the URL contains control characters"),
    text("the URL contains credentials (user@ or user:password@)"),
    text("the URL leads back to this service"),
    text("%(host)s is not a valid host name"),
    text("this is not a valid URL. Remove the characters before http:// or https://"),
    text("this is not a valid URL. Its beginning is misspelt: write https:// or http://"),
    text("this is not a valid URL. Put https:// or http:// in front of it"),
    text("this is not a valid URL. It has no host"),
    text("this is not a valid URL. Its port is not a number up to 65535"),
    text("this is not a valid URL. Its host is not a name or an address"),
    text("this is not a valid URL. It begins with http:// or https:// twice"),
    text("the URL's scheme is %(scheme)s; only http and https are allowed"),
    text("links to this host are not allowed"),
    text("a code has 3 to 64 letters (a-z, A-Z), digits, '-' or '_'"),
    text("'%(code)s' is reserved"),
    text("a code cannot have the form of a link's id"),
    text("the time has passed"),
    text("the link begins no earlier than it ends"),
    text("a tag has no `/`, and is not `.` or `..`"),
    text("a tag cannot be merged into itself"),
    text("a workspace has at most %(n)s tags"),
    text("%(host)s is not a verified domain of the link's workspace"),
    text("not a host name; use a form such as example.com"),
    text("a domain is a name such as go.example.com"),
    text("strangers register names under this one"),
    text("this is the service's own host"),
    text("this is not a short URL of this service"),
    text("there is no code in this URL"),
    text("two have the same name"),
    text("not a country code; use a form such as DE"),
    text("not a language tag; use a form such as de or pt-BR"),
    text("not a time zone; use a form such as Europe/Berlin"),
    text("the text contains control characters"),
    text("is too common"),
    text("contains the name of the email address"),
    text("has fewer than %(n)s characters"),
    text("has fewer than %(n)s different characters"),
    # Of pydantic.
    text("Field required"),
    text("String should have at least 1 character"),
    text("String should have at least %(n)s characters"),
    text("String should have at most %(n)s characters"),
    text("List should have at most %(n)s items after validation, not %(count)s"),
    text("Input should be greater than or equal to %(n)s"),
    text("Input should be less than or equal to %(n)s"),
    text("Input should be a valid integer, unable to parse string as an integer"),
    text("Input should be a valid string"),
    text("Input should be %(values)s or %(value)s"),
)


def _pattern(message: str) -> re.Pattern[str]:
    """Matches the message, with names for what stands in the places of its values."""
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+?)", re.escape(message)), re.DOTALL)


_PATTERNS = tuple((_pattern(message), message) for message in _MESSAGES)


def said_fault(message: str) -> str:
    for pattern, template in _PATTERNS:
        if found := pattern.fullmatch(message):
            values = found.groupdict()
            return _(template, **values) if values else _(template)
    return message
