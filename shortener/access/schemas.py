"""Fields that several features take from people: an address, an invitation."""

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

from shortener.text import Trimmed

# Checked as browsers do it: one form, in ASCII, so that no two addresses look alike.
_EMAIL = (
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"
)

EmailAddress = Annotated[
    str,
    Field(max_length=254, pattern=_EMAIL, examples=["ada@example.com"]),
    AfterValidator(lambda email: email.lower()),
]
# As people paste it. Addresses from a provider are taken literally.
Email = Annotated[EmailAddress, Trimmed]

InvitationToken = Annotated[SecretStr, Field(max_length=200)]
