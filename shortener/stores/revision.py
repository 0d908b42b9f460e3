"""The schema's revision in the database, and the one that this version needs. Alembic itself would cost a web process
14 MB."""

from functools import lru_cache
from importlib.resources import files

from shortener.stores.connecting import Connecting


@lru_cache(maxsize=1)
def head_revision() -> str:
    """The newest migration's revision: the date and number at the beginning of its file name."""
    names = [file.name for file in files("migrations").joinpath("versions").iterdir() if file.name[:1].isdigit()]
    return "_".join(max(names).split("_")[:2])


async def current_revision(database: Connecting) -> str | None:
    """The database's revision; None for an empty one."""
    async with database.driver_connection() as connection:
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
            return None
        revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
        return revision
