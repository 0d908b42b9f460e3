"""Notifications."""

from pydantic import Field

from shortener.settings.source import Section


class NotificationSettings(Section):
    """Notifications"""

    notification_days: int = Field(90, ge=1, le=3650, description="Days for which notifications are kept.")
