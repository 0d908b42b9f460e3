"""The command that creates sample data."""

from collections.abc import Callable
from random import Random

from shortener.errors import Unprocessable
from shortener.links.codes import Codes, check_custom_code
from shortener.misses.samples import make_misses
from shortener.operations.seed import seed as make_seed
from shortener.parts import Parts, opened
from shortener.settings import Settings
from shortener.stores.fixed_settings import fix_settings
from shortener.stores.parts import DATABASE, open_database


async def seed(
    settings: Settings,
    links: int,
    clicks: int,
    days: int,
    code: str | None,
    force: bool,
    number: int,
    tell: Callable[[int], None],
) -> None:
    """Create links and clicks. Raises ShortenerError."""
    settings.require("database_url")
    try:
        code = code and settings.stored_code(check_custom_code(code))
        async with opened(Parts(settings), [open_database]) as parts:
            await fix_settings(parts[DATABASE], settings)
            async with parts[DATABASE].driver_connection() as connection:
                await make_seed(
                    connection,
                    links=links,
                    clicks=clicks,
                    days=days,
                    code=code,
                    codes=Codes.of(settings),
                    force=force,
                    tell=tell,
                    number=number,
                )
                await make_misses(
                    connection,
                    Random(number),  # noqa: S311
                    min(days, settings.misses_days),
                    settings.misses_paths,
                    settings.misses_singles,
                )
    except ValueError as error:
        raise Unprocessable(str(error)) from None
