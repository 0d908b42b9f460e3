"""Whether a request that changes something comes from a page of this service. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit


def is_own(headers: Mapping[str, str], base_url: str) -> bool:
    """Browsers say where a request comes from, and no page can change what they say.

    Fetch metadata decides where there are any. Browsers send none to plain http addresses other than this machine's:
    there the host and port of `Origin` must be those that were asked. A page of our host over http may be somebody
    else's who sits in between: where the public address is https it is another site.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = urlsplit(headers.get("origin", "")), headers.get("host", "")
    own = urlsplit(base_url)
    schemes = ("https",) if own.scheme == "https" and own.netloc == host else ("https", "http")
    return bool(host) and origin.netloc == host and origin.scheme in schemes
