"""An OpenID Connect provider."""

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from shortener.settings.source import Section
from shortener.settings.values import (
    Issuer,
    OidcScopes,
)


class SingleSignOnSettings(Section):
    """Single sign-on"""

    oidc_issuer: Issuer = Field(
        "", description="Address of an OpenID Connect provider, such as `https://id.example.com`. Default: none."
    )
    oidc_client_id: str = Field("", validate_default=True, description="Client id of this service at the provider.")
    oidc_client_secret: SecretStr = Field(
        SecretStr(""), description="Client secret at the provider; public clients have none."
    )
    oidc_scopes: OidcScopes = Field(
        "openid email", description="Scopes to request from the provider, separated by spaces."
    )
    oidc_name: str = Field("The identity provider", description="Name of the provider, as people see it.")
    oidc_registration: bool = Field(
        False,
        description="Create an account at the first single sign-on login, even where registration is closed.",
    )
    oidc_link_by_email: bool = Field(
        False,
        description=(
            "Link a verified address to the account that has it; the account's password, logins and keys end."
        ),
    )

    @field_validator("oidc_client_id")
    @classmethod
    def _belongs_to_issuer(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("the provider knows this service by it; or unset SHORTENER_OIDC_ISSUER")
        return value
