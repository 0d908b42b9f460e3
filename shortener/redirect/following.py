"""Links with options: what becomes of a request that may follow one."""

from collections.abc import Callable
from functools import partial

import msgspec
from cachebox import LRUCache

from shortener.clicks.event import Choice as ClickChoice
from shortener.limits.policies import LimitVerdict
from shortener.places.locator import Locate
from shortener.redirect.answers import Answer, Answers
from shortener.redirect.consent import without_consent
from shortener.redirect.forwarding import compose
from shortener.redirect.metrics import REDIRECTS
from shortener.redirect.options import FOUND, PERMANENT, Extras
from shortener.redirect.quotas import Quotas
from shortener.redirect.request import RedirectRequest
from shortener.redirect.rules import Plan
from shortener.redirect.source import without_source
from shortener.redirect.target import Status, Target
from shortener.redirect.unlocking import Cookies
from shortener.redirect.visit import Visit

# Links whose courses are kept.
_MAX_COURSES = 4096
_OUTCOMES = {name: REDIRECTS.labels(name) for name in ("locked", "carded", "withheld", "used_up")}
# Called with an answer, once.
Reply = Callable[[Answer], None]


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A request to follow a link with options."""

    request: RedirectRequest
    target: Target
    extras: Extras
    verdict: LimitVerdict | None
    now_s: float
    reply: Reply


class _Course(msgspec.Struct, frozen=True):
    """Facts of a link that its redirects share. `is_usual`: they differ from plain ones by their URL alone."""

    extras: Extras
    plan: Plan
    is_usual: bool
    max_age_s: int


# Called with the answer of a redirect and what the link decided.
Follow = Callable[[Attempt, Answer, ClickChoice], None]


class Following:
    """Decides for links with options. `permanent_s`: how long browsers may remember a permanent redirect.

    Of each attempt, either `follow` or its `reply` is called, once, and maybe at once.
    """

    def __init__(
        self,
        answers: Answers,
        quotas: Quotas,
        cookies: Cookies,
        locate: Locate,
        secret: str,
        permanent_s: int,
        follow: Follow,
    ) -> None:
        self._answers = answers
        self._quotas = quotas
        self._cookies = cookies
        self._locate = locate
        self._key = secret.encode()[:64]
        self._permanent_s = permanent_s
        self._follow = follow
        # By the identity of extras, which an entry also keeps alive.
        self._courses: LRUCache[int, _Course] = LRUCache(_MAX_COURSES)

    def try_to_follow(self, attempt: Attempt) -> None:
        """Of a link that is live."""
        request, extras, verdict = attempt.request, attempt.extras, attempt.verdict
        visit = Visit(request, attempt.now_s, self._locate)
        if extras.password_tag and not self._cookies.are_shown(visit, attempt.target):
            self._reply(attempt, "locked", self._answers.locked(request, verdict))
        elif extras.options.preview is not None and visit.bot == "preview":
            self._reply(attempt, "carded", self._answers.card(request, extras.options.preview, verdict))
        elif extras.max_clicks is None:
            self._lead(attempt, visit, False)
        elif visit.bot is not None:
            self._reply(attempt, "withheld", self._answers.withheld(request, verdict))
        else:
            granted = partial(self._on_granted, attempt, visit)
            self._quotas.take(attempt.target.link_id, extras.max_clicks, granted)

    def _on_granted(self, attempt: Attempt, visit: Visit, granted: bool | Exception) -> None:
        if isinstance(granted, Exception):
            attempt.reply(self._answers.undecided(granted, attempt.request, attempt.verdict))
        elif granted:
            self._lead(attempt, visit, True)
        elif attempt.extras.options.fallback_url is not None:
            self.fall_back(attempt)
        else:
            used_up = self._answers.gone(Status.USED_UP, attempt.request, attempt.verdict)
            self._reply(attempt, "used_up", used_up)

    def _lead(self, attempt: Attempt, visit: Visit, is_charged: bool) -> None:
        target, extras = attempt.target, attempt.extras
        course = self._course(target, extras)
        choice = course.plan.choose(visit)
        url = choice.url or target.url
        if course.is_usual:
            answer = self._answers.redirect(url, attempt.verdict)
        else:
            answer = self._redirect(attempt, url, course.max_age_s)
        self._follow(attempt, answer, ClickChoice(choice.rule, choice.variant, is_charged))

    def fall_back(self, attempt: Attempt) -> None:
        """Lead to the link's fallback. No limit counts who is led there."""
        answer = self._redirect(attempt, attempt.extras.options.fallback_url or attempt.target.url, 0)
        self._follow(attempt, answer, ClickChoice(is_charged=True))

    def _redirect(self, attempt: Attempt, url: str, max_age_s: int) -> Answer:
        options, request = attempt.extras.options, attempt.request
        if options.forward_query or options.forward_path or options.utm is not None:
            query = request.query.decode("ascii", "replace") if options.forward_query else ""
            url = compose(url, options, without_source(without_consent(query)), request.rest)
        return self._answers.redirect_with(url, options, max_age_s, attempt.verdict)

    def _course(self, target: Target, extras: Extras) -> _Course:
        kept = self._courses.get(id(extras))
        if kept is None or kept.extras is not extras:
            options = extras.options
            composes = options.forward_query or options.forward_path or options.utm is not None
            is_usual = not composes and options.redirect_status == FOUND and not options.is_indexable
            is_remembered = options.redirect_status in PERMANENT and _is_constant(target, extras)
            plan = Plan(options, target.link_id, self._key)
            kept = _Course(extras, plan, is_usual, self._permanent_s if is_remembered else 0)
            self._courses[id(extras)] = kept
        return kept

    def _reply(self, attempt: Attempt, outcome: str, answer: Answer) -> None:
        _OUTCOMES[outcome].inc()
        attempt.reply(answer)


def falls_back(extras: Extras, status: Status | None) -> bool:
    """Whether a link with this status leads to its fallback."""
    return status in _OUTSIDE and extras.options.fallback_url is not None


_OUTSIDE = frozenset((Status.SCHEDULED, Status.EXPIRED))


def _is_constant(target: Target, extras: Extras) -> bool:
    """Whether browsers may remember where the link leads: everybody goes to the same place, and no end is known."""
    options = extras.options
    depends = options.rules or options.variants or options.fallback_url is not None
    ends = target.expires_at_s is not None or extras.max_clicks is not None
    return not (depends or ends or extras.password_tag)
