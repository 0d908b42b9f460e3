"""Bodies of requests and answers about accounts."""

import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from shortener.access.schemas import Email, InvitationToken
from shortener.access.scopes import Scope
from shortener.accounts.passwords import MAX_BYTES, MIN_LENGTH
from shortener.http.expiry import Expiry
from shortener.http.json_body import RequestBody
from shortener.http.pagination import NextPath
from shortener.text import OneLine

MAX_NAME = 100


def _bounded(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value().encode()) > MAX_BYTES:
        raise ValueError(f"the password has more than {MAX_BYTES} bytes")
    return password


Password = Annotated[SecretStr, Field(max_length=MAX_BYTES), AfterValidator(_bounded)]
NewPassword = Annotated[Password, Field(description=f"At least {MIN_LENGTH} characters; common passwords are refused.")]


class Registration(RequestBody):
    email: Email
    password: NewPassword
    invitation: InvitationToken | None = Field(None, description="Needed where registration is by invitation.")


class LoginForm(RequestBody):
    """OAuth2's password grant. Its fields for clients and scopes are accepted and ignored."""

    username: Email = Field(description="The email address.")
    password: Password
    grant_type: Literal["password"] = "password"
    scope: str = ""
    client_id: str | None = None
    client_secret: SecretStr | None = None


class Refresh(RequestBody):
    refresh_token: SecretStr = Field(max_length=200)


class PasswordChange(RequestBody):
    current_password: Password
    new_password: NewPassword


class AccountDeletion(RequestBody):
    password: Password | None = Field(None, description="Needed if the account has a password.")


KeyName = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["CI"]), OneLine]


class KeyCreate(RequestBody):
    name: KeyName
    scopes: list[Scope] = Field(min_length=1, max_length=len(Scope), description="At most the scopes of the caller.")
    expires_at: Expiry | None = Field(
        None,
        description="When the key stops working; with a time zone. Default: never. "
        "A key that expires cannot create one that lasts longer.",
    )


class RegistrationOut(BaseModel):
    email: str


class TokensOut(BaseModel):
    access_token: str
    refresh_token: str = Field(description="Works once; each refresh returns the next.")
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  (the type's name)
    expires_in: int = Field(description="Seconds until the access token expires.")


class MeOut(BaseModel):
    email: str
    is_admin: bool
    has_password: bool = Field(description="Whether the account has a password.")
    created_at: datetime
    scopes: list[Scope] = Field(description="What this login or key may do.")


class SessionOut(BaseModel):
    id: uuid.UUID
    browser: str | None = Field(description="null for logins of programs.", examples=["Firefox, Linux"])
    network: str | None = Field(description="IPv4 /24 or IPv6 /48 of the login.", examples=["203.0.113.0/24"])
    created_at: datetime
    last_used_at: datetime = Field(description="Accurate to the hour.")
    expires_at: datetime = Field(description="Each use prolongs it.")
    current: bool = Field(description="Whether this request uses it.")


class SessionPage(BaseModel):
    items: list[SessionOut]
    next: NextPath


class SessionsEnded(BaseModel):
    ended: int


class KeyOut(BaseModel):
    id: uuid.UUID
    name: str
    prefix: str = Field(description="The beginning of the key.", examples=["shr_k7Rm2p"])
    scopes: list[Scope]
    requests_per_minute: int | None = Field(description="The key's own limit, or null.")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="Accurate to the minute.")


class NewKeyOut(KeyOut):
    key: str = Field(description="The key itself, shown only in this answer.")


class KeyList(BaseModel):
    items: list[KeyOut]
