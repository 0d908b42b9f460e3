"""Rows that decide whether somebody may write stay as they are until what they do is committed."""

import uuid

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shortener.access.memberships import Caller
from shortener.access.models import Member
from shortener.links.creation import lock_writable
from tests.workspaces.conftest import WORKSPACES


async def test_who_creates_in_a_workspace_keeps_the_membership_until_the_end(ada, database):
    workspace = uuid.UUID((await ada.post(WORKSPACES, name="together"))["id"])
    take = text(f"SELECT FROM {Member.__tablename__} WHERE workspace_id = :id FOR UPDATE NOWAIT")
    async with database.session() as session, database.session() as other:
        user_id = await other.scalar(text("SELECT user_id FROM workspace_members LIMIT 1"))
        async with session.begin():
            await lock_writable(session, Caller(user_id, has_unowned=False), workspace)
            with pytest.raises(DBAPIError) as refused:
                await other.execute(take, {"id": workspace})
        assert isinstance(refused.value.orig.__cause__, asyncpg.LockNotAvailableError)
