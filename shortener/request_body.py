"""What all bodies of the API's requests have in common."""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """Members nobody knows are refused: a misspelt `expire_at` must not make a link that lives for ever, and nobody
    becomes an admin by asking for it. No error repeats what was sent, which may be a password."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
