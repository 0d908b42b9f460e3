"""How long a login lasts. Pure."""

from datetime import datetime, timedelta

SESSION_IDLE = timedelta(days=14)
SESSION_LIFETIME = timedelta(days=90)
# How often the use of a browser's session is written at most.
NOTE_USE_AFTER = timedelta(hours=1)


def expiry_of_use(created_at: datetime, used_at: datetime) -> datetime:
    """When a session ends that was used at this moment."""
    return min(used_at + SESSION_IDLE, created_at + SESSION_LIFETIME)
