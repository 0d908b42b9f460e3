"""The parameters that all figures have in common, as the query of a request."""

from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Query

from shortener.figures.asked import UTC_ZONE, Asked, Compare, read_asked
from shortener.figures.spans import Interval
from shortener.http.moments import Moment


async def _asked(
    since: Annotated[
        Moment | None,
        Query(alias="from", description="A date or a moment. Default: 30 days ago, or 12 weeks or months."),
    ] = None,
    until: Annotated[
        Moment | None, Query(alias="to", description="A date (included) or a moment (not included). Default: now.")
    ] = None,
    interval: Interval = Interval.DAY,
    tz: Annotated[ZoneInfo, Query(description="Time zone of the series.", examples=["Europe/Berlin"])] = UTC_ZONE,
    bots: Annotated[bool, Query(description="Count bots in the breakdowns too.")] = False,
    compare: Annotated[Compare | None, Query(description="Give the span before as well, in `before`.")] = None,
) -> Asked:
    return read_asked(since, until, interval, tz, bots=bots, is_compared=compare is not None)


AskedDep = Annotated[Asked, Depends(_asked)]
