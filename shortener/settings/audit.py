"""The audit log."""

from pydantic import Field

from shortener.settings.source import Section


class AuditSettings(Section):
    """Audit log"""

    # The table refuses to delete what is younger than a month.
    audit_days: int = Field(365, ge=30, le=3650, description="Days that an entry of the audit log is kept.")
