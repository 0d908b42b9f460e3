"""Whether a request that changes something comes from a page of this service. Pure."""

from collections.abc import Mapping
from urllib.parse import urlsplit


def is_own(headers: Mapping[str, str]) -> bool:
    """Browsers say where a request comes from, and no page can change what they say.

    Fetch metadata decides where there are any. Browsers send none to plain http addresses other than this machine's:
    there the host and port of `Origin` must be those that were asked.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin, host = headers.get("origin", ""), headers.get("host", "")
    return bool(host) and urlsplit(origin).netloc == host
