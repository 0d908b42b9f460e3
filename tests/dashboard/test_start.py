"""The first page: what it shows beside the form."""

from typing import Any

import pytest

from shortener.clicks.event import new_batch
from shortener.stores.parts import DATABASE, REDIS
from tests.clicks.make import click, link_of, write
from tests.conftest import job_context
from workers.figures import count_groups


@pytest.fixture
def ctx(settings, database, redis) -> dict[str, Any]:
    return job_context(settings, {DATABASE: database, REDIS: redis})


async def test_the_links_with_the_most_clicks_of_the_week_lead_to_their_figures(page, database, ctx):
    assert "Most clicked this week" not in (await page.get("/-/")).text
    (rare, rare_id), (frequent, frequent_id) = [await link_of(page, database) for _ in range(2)]
    await write(database, new_batch([click(link_id) for link_id in (rare_id, frequent_id, frequent_id)]))
    await count_groups(ctx)
    shown = (await page.get("/-/")).text.partition("Most clicked this week")[2]
    assert 0 < shown.index(f'href="/-/links/{frequent}"') < shown.index(f'href="/-/links/{rare}"')
