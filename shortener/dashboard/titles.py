"""Titles of what lists and rules name by a word."""

from shortener.access.models import Role
from shortener.access.scopes import Scope
from shortener.dashboard.wording import _
from shortener.moderation.kinds import Kind
from shortener.moderation.reports import Reason


def state_title(state: str) -> str:
    return {
        "live": _("Live"),
        "scheduled": _("Not begun"),
        "expired": _("Expired"),
        "used_up": _("Used up"),
        "disabled": _("Disabled"),
        "archived": _("Archived"),
        "banned": _("Banned"),
        "deleted": _("Deleted"),
    }[state]


def having_title(name: str) -> str:
    return {
        "password": _("Password"),
        "rules": _("Rules"),
        "variants": _("Variants"),
        "limit": _("Limit of clicks"),
        "note": _("Note"),
    }[name]


def report_reason(reason: str) -> str:
    """Why a link is reported."""
    return {
        "phishing": _("It asks for passwords or money under a false name"),
        "malware": _("It spreads harmful software"),
        "spam": _("It is advertising that nobody asked for"),
        "illegal": _("It shows something illegal"),
        "other": _("Something else"),
    }[reason]


def condition_title(kind: str) -> str:
    return {
        "device": _("Device is"),
        "browser": _("Browser is"),
        "language": _("Language is"),
        "country": _("Country is"),
        "city": _("City is"),
        "query": _("Query has"),
        "referrer": _("Referrer is"),
        "network": _("Network is"),
        "schedule": _("Time of the week is"),
        "before": _("Before"),
        "after": _("After"),
        "sampled": _("Percent of visitors"),
    }[kind]


def ban_title(kind: str) -> str:
    return {
        Kind.LINK: _("Link"),
        Kind.HOST: _("Host"),
        Kind.USER: _("User"),
        Kind.CLIENT: _("Client"),
    }[Kind(kind)]


def reason_title(reason: str) -> str:
    return {
        Reason.PHISHING: _("Phishing"),
        Reason.MALWARE: _("Malware"),
        Reason.SPAM: _("Spam"),
        Reason.ILLEGAL: _("Illegal"),
        Reason.OTHER: _("Something else"),
    }[Reason(reason)]


def role_title(role: str) -> str:
    return {Role.OWNER: _("Owner"), Role.EDITOR: _("Editor"), Role.VIEWER: _("Viewer")}[Role(role)]


def scope_title(scope: Scope) -> str:
    return {
        Scope.LINKS_READ: _("Read links"),
        Scope.LINKS_WRITE: _("Make, change and delete links"),
        Scope.STATS_READ: _("Read figures"),
        Scope.TOKENS_VERIFY: _("Check whether tokens of other people are valid"),
        Scope.ADMIN: _("Administer the service and manage keys"),
    }[scope]


def sign_on_refusal(problem: str) -> str:
    """The sentence for a problem of a single sign-on; empty for none."""
    texts = {
        "oidc-email-unverified": _("The provider has not verified your email address."),
        "email-has-account": _("There is an account with your address already. Log in with its password."),
        "registration-closed": _("The operator of this service creates accounts."),
        "account-disabled": _("This account is disabled."),
        "oidc-provider-failed": _("The provider did not answer as it should. Try again, or ask the operator."),
        "oidc-provider-unavailable": _("The provider does not answer. Try again."),
        "too-many-requests": _("That was too much at once. Wait a moment and try again."),
    }
    return texts.get(problem, _("The provider has not logged you in. Try again.")) if problem else ""
