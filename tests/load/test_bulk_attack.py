"""A client that creates long URLs in bulk holds up nobody, and fills no disk. In small; `bulk_attack` is the whole."""

import pytest

from tests.load.bulk_attack import Attack, carry_out, product

# The files of a database grow in steps of 16 MB: with less, the bound would be one of steps.
LONG = Attack("long URLs", 6, 1000, 8100, most_growth=5)


@pytest.mark.timeout(180)
async def test_long_urls_in_bulk_hold_up_neither_clicks_nor_others_and_fill_no_disk() -> None:
    with product(LONG) as (running, database_url):
        outcome = await carry_out(LONG, running, database_url, watched_s=6)
    assert outcome.answers == {200: LONG.requests}
    assert outcome.broken_promises(LONG) == []
