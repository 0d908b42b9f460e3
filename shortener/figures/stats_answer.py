"""The answer with figures, as `StatsOut` describes it: a model for each bucket would take most of the time."""

import orjson

from shortener.event_loop.slices import gathered
from shortener.figures.stats import Figures


async def stats_answer(found: Figures) -> bytes:
    series = await gathered(bucket._asdict() for bucket in found.series)
    breakdowns = {name: [count._asdict() for count in counts] for name, counts in found.breakdowns.items()}
    answer = {"clicks": found.clicks, "visitors": found.visitors, "bots": found.bots, "series": series, **breakdowns}
    return orjson.dumps(answer, option=orjson.OPT_UTC_Z)
