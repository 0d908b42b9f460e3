"""The schema's revision in the database, and the one that this version needs. Alembic itself would cost a web process
14 MB."""

from functools import lru_cache
from importlib.resources import files

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine


@lru_cache(maxsize=1)
def head_revision() -> str:
    """The newest migration's revision: the date and number at the beginning of its file name."""
    names = [file.name for file in files("migrations").joinpath("versions").iterdir() if file.name[:1].isdigit()]
    return "_".join(max(names).split("_")[:2])


async def current_revision(engine: AsyncEngine) -> str | None:
    """The database's revision; None for an empty one."""
    async with engine.connect() as connection:
        if await connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
            return None
        revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision
