"""The job that looks up the records of domains."""

from typing import Any

from shortener.domains.lookups import TxtLookup
from shortener.domains.proofs import check_again, due
from shortener.parts import Parts
from shortener.stores.parts import DATABASE

# A lookup takes at most five seconds, and a job a minute.
AT_ONCE = 10


async def check_domains(ctx: dict[str, Any]) -> int:
    """Look up the records of domains for which it is time; returns their number."""
    parts: Parts = ctx["parts"]
    look_up = TxtLookup(parts.settings.dns_servers)
    async with parts[DATABASE].session() as session:
        ids = await due(session, AT_ONCE)
        for domain_id in ids:
            await check_again(session, look_up, domain_id)
    return len(ids)
