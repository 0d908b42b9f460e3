import asyncio

from shortener.main import create_app


async def test_an_app_that_is_stopped_right_after_its_start_ends_at_any_moment(settings):
    for turns in range(40):
        app = create_app(settings)
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await lifespan.__aexit__(None, None, None)
