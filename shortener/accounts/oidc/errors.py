"""Errors between a browser, the provider and this service. Clients never see texts from the provider."""

from shortener.errors import BadGateway, BadRequest, Conflict, Forbidden, NotFound, ServiceUnavailable


class OidcNotConfigured(NotFound):
    """`SHORTENER_OIDC_ISSUER` names no provider.

    Log in with a password.
    """

    type, title = "oidc-not-configured", "No single sign-on"

    def __init__(self) -> None:
        super().__init__("This service has no single sign-on.")


class InvalidOidcLogin(BadRequest):
    """The login at the identity provider began in another browser, took longer than ten minutes, was already finished,
    or belongs to another provider.

    Begin again.
    """

    type, title = "invalid-oidc-login", "Invalid single sign-on"

    def __init__(self) -> None:
        super().__init__(
            "This login began in another browser, took too long, or was already finished. "
            "Begin again at /api/v1/auth/oidc/login."
        )


class OidcLoginRefused(Forbidden):
    """The identity provider refused the login, or did not accept its own code.

    Begin again.
    """

    type, title = "oidc-login-refused", "Single sign-on refused"


class UnverifiedEmail(Forbidden):
    """This is your first login, and the identity provider has not verified your address.

    Verify the address at the provider.
    """

    type, title = "oidc-email-unverified", "Email not verified"

    def __init__(self, provider: str) -> None:
        super().__init__(f"{provider} does not say that your email address is verified, or gives none.")


class AccountDisabled(Forbidden):
    """The account of this identity is disabled.

    Contact the operator.
    """

    type, title = "account-disabled", "Account disabled"

    def __init__(self) -> None:
        super().__init__("This account is disabled.")


class EmailHasAccount(Conflict):
    """The address that the identity provider has verified has an account, which is not linked to single sign-on.

    Log in with the password of the account.
    """

    type, title = "email-has-account", "Email has an account"

    def __init__(self) -> None:
        super().__init__("This address has an account that is not linked to single sign-on. Log in with its password.")


class OidcProviderFailed(BadGateway):
    """The identity provider gave an answer that cannot be trusted. The server's log has the reason.

    Contact the operator.
    """

    type, title = "oidc-provider-failed", "Provider failed"

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider} gave an answer that cannot be used; the reason is in the server's log.")
        self.reason = reason


class OidcProviderUnavailable(ServiceUnavailable):
    """The identity provider does not answer in time.

    Try again after `Retry-After` seconds.
    """

    type, title = "oidc-provider-unavailable", "Provider unavailable"

    def __init__(self, provider: str, reason: str) -> None:
        super().__init__(f"{provider} does not answer. Try again.", headers={"Retry-After": "10"})
        self.reason = reason
