"""What becomes of a request for a code. One function decides, whichever way the request came in."""

from typing import NamedTuple

from shortener.limits.policies import Verdict
from shortener.redirect.cache import Absent, Cached
from shortener.redirect.request import RedirectRequest
from shortener.redirect.target import Status
from shortener.redirect.throttle import Throttle
from shortener.settings import Settings
from shortener.settings.values import Rate

MISS, EMBEDDED_MISS, REDIRECT = "miss", "embedded-miss", "redirect"


# A page can embed codes that do not exist, and its visitor must still be able to follow links: misses of embedded
# requests are charged to both limits, and use up so much of the misses at most.
_EMBEDDED_SHARE = 6


def redirect_limits(settings: Settings) -> dict[str, Rate | None]:
    miss = settings.limit_miss
    embedded = None if miss is None else Rate(max(1, miss.quota // _EMBEDDED_SHARE), miss.window_s)
    return {REDIRECT: settings.limit_redirect, MISS: miss, EMBEDDED_MISS: embedded}


class Decision(NamedTuple):
    """The link's status, or None when a limit refuses the request; and the limit whose state the answer shows."""

    status: Status | None
    verdict: Verdict | None


def refusal(request: RedirectRequest, throttle: Throttle, client: str, clock_s: float) -> Verdict | None:
    """The refusal of a client that has used up its misses; None while some are left.

    Such a client learns nothing, not even which codes exist.
    """
    if request.is_embedded:
        verdict = throttle.exhausted(EMBEDDED_MISS, client, clock_s)
        if verdict is not None:
            return verdict
    return throttle.exhausted(MISS, client, clock_s)


def decide(
    request: RedirectRequest, found: Cached, throttle: Throttle, client: str, now_s: float, clock_s: float
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
    if found is not Absent.MISSING:
        return Decision(found.status(now_s), verdict)
    verdict = _charge_miss(request, throttle, client, clock_s, verdict)
    return Decision(Status.MISSING, verdict)


def _charge_miss(
    request: RedirectRequest, throttle: Throttle, client: str, clock_s: float, redirect: Verdict | None
) -> Verdict | None:
    """The verdict of the limit that will refuse first."""
    verdicts = [throttle.charge(MISS, client, clock_s), redirect]
    if request.is_embedded:
        verdicts.insert(0, throttle.charge(EMBEDDED_MISS, client, clock_s))
    # Of two with nothing left, the one of misses refuses first.
    return min((v for v in verdicts if v is not None), key=lambda v: v.remaining, default=None)
