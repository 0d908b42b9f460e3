"""Whose figures a request asks for, by the id that they are counted for."""

from typing import Annotated

from fastapi import Depends

from shortener.access.routes import CallerDep
from shortener.links.routes import ExistingCode, Links
from shortener.stores.sessions import Writer


async def _link_id(code: ExistingCode, session: Writer, caller: CallerDep, links: Links) -> int:
    link, _ = await links.get(session, caller, code)
    return link.id


LinkId = Annotated[int, Depends(_link_id)]
