"""What can go wrong between a browser, the provider and this service. Nothing of what the provider says is told."""

from shortener.errors import BadGateway, BadRequest, Conflict, Forbidden, NotFound, ServiceUnavailable


class OidcNotConfigured(NotFound):
    type, title = "oidc-not-configured", "No single sign-on"

    def __init__(self) -> None:
        super().__init__("This service has no single sign-on.")


class InvalidOidcLogin(BadRequest):
    type, title = "invalid-oidc-login", "Invalid single sign-on"

    def __init__(self) -> None:
        super().__init__(
            "This login was not begun in this browser, took too long, or was finished before. "
            "Begin again at /api/v1/auth/oidc/login."
        )


class OidcLoginRefused(Forbidden):
    type, title = "oidc-login-refused", "Single sign-on refused"


class UnverifiedEmail(Forbidden):
    type, title = "oidc-email-unverified", "Email not verified"

    def __init__(self, provider: str) -> None:
        super().__init__(f"{provider} does not say that your email address is verified, or gives none.")


class AccountDisabled(Forbidden):
    type, title = "account-disabled", "Account disabled"

    def __init__(self) -> None:
        super().__init__("This account is disabled.")


class EmailHasAccount(Conflict):
    type, title = "email-has-account", "Email has an account"

    def __init__(self) -> None:
        super().__init__("This address has an account that is not linked to single sign-on. Log in with its password.")


class OidcProviderFailed(BadGateway):
    """What the provider has answered cannot be believed; `reason` is for the log."""

    type, title = "oidc-provider-failed", "Provider failed"

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider} gave an answer that cannot be used; the reason is in the server's log.")
        self.reason = reason


class OidcProviderUnavailable(ServiceUnavailable):
    type, title = "oidc-provider-unavailable", "Provider unavailable"

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider} does not answer. Try again.", headers={"Retry-After": "10"})
        self.reason = reason
