"""Errors of accounts and logins."""

from datetime import timedelta

from shortener.errors import Conflict, Forbidden, NotFound, Unauthorized

# For accounts without a password, a login this recent stands in for it.
FRESH = timedelta(minutes=10)


class InvalidLogin(Unauthorized):
    """The email or password is wrong, or the user is disabled."""

    type, title = "invalid-login", "Invalid login"

    def __init__(self) -> None:
        super().__init__("Email or password is wrong.", headers={"WWW-Authenticate": 'Bearer realm="shortener"'})


class WrongPassword(Forbidden):
    """The password that confirms a change is wrong, or has just been changed."""

    type, title = "wrong-password", "Wrong password"

    def __init__(self) -> None:
        super().__init__("The password is wrong.")


class NoPassword(Conflict):
    """The account logs in by single sign-on and has no password to change.

    Contact the operator: `shortener user reset-password` sets one.
    """

    type, title = "no-password", "No password"

    def __init__(self) -> None:
        super().__init__("This account uses single sign-on and has no password; ask the operator for one.")


class FreshLoginRequired(Forbidden):
    """Deleting an account without a password needs a login of the last ten minutes.

    Log in again by single sign-on.
    """

    type, title = "fresh-login-required", "Fresh login required"

    def __init__(self) -> None:
        minutes = FRESH // timedelta(minutes=1)
        super().__init__(f"Without a password, this needs a login within the last {minutes} minutes. Log in again.")


class UnknownUser(NotFound):
    """Admins only: the user does not exist.

    `GET /api/v1/admin/users`, `shortener user list`
    """

    type, title = "user-not-found", "No such user"


class RegistrationClosed(Forbidden):
    """`SHORTENER_REGISTRATION` is `closed`.

    Contact the operator.
    """

    type, title = "registration-closed", "Registration closed"

    def __init__(self) -> None:
        super().__init__("Registration is closed; ask the operator for an account.")
