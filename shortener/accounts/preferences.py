"""How a user wants the dashboard to be. Values that they have not chosen are not stored, and follow the browser."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from shortener.access.credentials import InvalidCredential
from shortener.access.models import User
from shortener.http.json_body import CHANGE, UNSET, RequestBody
from shortener.http.moments import known_zone

Language = Literal["en", "de"]
Zone = Annotated[str, Field(max_length=64, examples=["Europe/Berlin"]), AfterValidator(known_zone)]
Theme = Literal["system", "light", "dark"]
Density = Literal["comfortable", "compact"]
Rows = Literal[20, 50, 100]


class PreferencesOut(BaseModel):
    language: Language | None = Field(None, description="null: as the browser asks.")
    time_zone: Zone | None = Field(None, description="null: the browser's.")
    theme: Theme = "system"
    density: Density = "comfortable"
    rows: Rows = Field(50, description="Links per page.")
    single_keys: bool = Field(True, description="Whether single keys do things, such as `n` for a new link.")
    copy_new_links: bool = Field(True, description="Whether the dashboard copies a new link by itself.")


class PreferencesUpdate(RequestBody):
    """Members that are not named stay as they are."""

    model_config = CHANGE

    language: Language | None = None
    time_zone: Zone | None = None
    theme: Theme = UNSET
    density: Density = UNSET
    rows: Rows = UNSET
    single_keys: bool = UNSET
    copy_new_links: bool = UNSET


async def preferences_of(session: AsyncSession, user_id: int) -> PreferencesOut:
    """Raises InvalidCredential."""
    async with session.begin():
        stored: dict[str, Any] | None = await session.scalar(select(User.preferences).where(User.id == user_id))
    if stored is None:
        raise InvalidCredential
    return PreferencesOut.model_validate(stored)


async def change_preferences(session: AsyncSession, user_id: int, change: PreferencesUpdate) -> PreferencesOut:
    """Raises InvalidCredential."""
    async with session.begin():
        user = await session.scalar(select(User).where(User.id == user_id).with_for_update())
        if user is None:
            raise InvalidCredential
        user.preferences = user.preferences | change.model_dump(exclude_unset=True)
        return PreferencesOut.model_validate(user.preferences)
