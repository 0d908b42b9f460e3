"""Bodies of requests and answers for token introspection."""

from typing import Literal

from pydantic import BaseModel, Field, SecretStr

from shortener.http.json_body import RequestBody

MAX_TOKEN = 8192


class TokenIn(RequestBody):
    token: SecretStr = Field(max_length=MAX_TOKEN, description="An access token or an API key of this service.")


class TokenOut(BaseModel):
    """The members of RFC 7662, 2.2. If the token is not valid, the answer has only `active`."""

    active: bool
    token_type: Literal["access_token", "api_key"] | None = None
    sub: str | None = Field(None, description="The user's id.")
    scope: str | None = Field(None, description="Scopes, separated by spaces.")
    exp: int | None = Field(None, description="Expiry, in seconds since 1970; absent for a key that does not expire.")
    client_id: str | None = Field(None, description="The id of an API key.")
    iss: str | None = Field(None, description="The address of this service.")
