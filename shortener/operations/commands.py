"""What the command line makes up for trying things out."""

from collections.abc import Callable

from shortener.errors import Unprocessable
from shortener.links.codes import check_custom_code
from shortener.operations.seed import seed as make_seed
from shortener.settings import Settings
from shortener.stores.database import Database


async def seed(
    settings: Settings, links: int, clicks: int, days: int, code: str | None, force: bool, tell: Callable[[int], None]
) -> None:
    """Make links and clicks. Raises ShortenerError."""
    settings.require("database_url")
    database = Database(settings)
    try:
        async with database.driver_connection() as connection:
            await make_seed(
                connection,
                links=links,
                clicks=clicks,
                days=days,
                code=code and check_custom_code(code),
                code_length=settings.code_length,
                force=force,
                tell=tell,
            )
    except ValueError as error:
        raise Unprocessable(str(error)) from None
    finally:
        await database.close()
