"""What becomes of a request for a code. One function decides, whichever way the request came in."""

import msgspec

from shortener.limits.policies import LimitVerdict
from shortener.redirect.cache import Found
from shortener.redirect.request import RedirectRequest
from shortener.redirect.target import Status, Target
from shortener.redirect.throttle import Throttle
from shortener.settings import Settings
from shortener.settings.values import Rate

MISS, EMBEDDED_MISS, REDIRECT = "miss", "embedded-miss", "redirect"
# Wrong passwords of links.
CLIENT_TRIES, LINK_TRIES = "password", "password-of-link"


# A page can embed codes that do not exist, and its visitor must still be able to follow links: misses of embedded
# requests are charged to both limits, and use up so much of the misses at most.
_EMBEDDED_SHARE = 6
# Of what one client may guess, all clients together may guess so many times as much of one link.
_LINK_TRIES = 6


def redirect_limits(settings: Settings) -> dict[str, Rate | None]:
    miss = settings.limit_miss
    embedded = None if miss is None else Rate(max(1, miss.quota // _EMBEDDED_SHARE), miss.window_s)
    password = settings.limit_password
    of_link = None if password is None else Rate(password.quota * _LINK_TRIES, password.window_s)
    return {
        REDIRECT: settings.limit_redirect,
        MISS: miss,
        EMBEDDED_MISS: embedded,
        CLIENT_TRIES: password,
        LINK_TRIES: of_link,
    }


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The link's status, or None when a limit refuses the request; and the limit whose state the answer shows."""

    status: Status | None
    verdict: LimitVerdict | None


def refusal(request: RedirectRequest, throttle: Throttle, client: str, clock_s: float) -> LimitVerdict | None:
    """The refusal of a client that has used up its misses; None while some are left.

    Such a client learns nothing, not even which codes exist.
    """
    if request.is_embedded:
        verdict = throttle.exhausted(EMBEDDED_MISS, client, clock_s)
        if verdict is not None:
            return verdict
    return throttle.exhausted(MISS, client, clock_s)


def decide(
    request: RedirectRequest, found: Found, throttle: Throttle, client: str, now_s: float, clock_s: float
) -> Decision:
    """Charge the client's limits, in their order, and judge the link.

    `now_s` is in seconds since the epoch, `clock_s` on the monotonic clock. Only the throttle's counts are changed.
    """
    verdict = refusal(request, throttle, client, clock_s)
    if verdict is not None:
        return Decision(None, verdict)
    verdict = throttle.charge(REDIRECT, client, clock_s)
    if verdict is not None and not verdict.is_allowed:
        return Decision(None, verdict)
    if isinstance(found, Target):
        return Decision(found.status(now_s), verdict)
    verdict = _charge_miss(request, throttle, client, clock_s, verdict)
    return Decision(Status.MISSING, verdict)


def _charge_miss(
    request: RedirectRequest, throttle: Throttle, client: str, clock_s: float, redirect: LimitVerdict | None
) -> LimitVerdict | None:
    """The verdict of the limit that will refuse first."""
    verdicts = [throttle.charge(MISS, client, clock_s), redirect]
    if request.is_embedded:
        verdicts.insert(0, throttle.charge(EMBEDDED_MISS, client, clock_s))
    # Of two with nothing left, the one of misses refuses first.
    return min((v for v in verdicts if v is not None), key=lambda v: v.remaining, default=None)
