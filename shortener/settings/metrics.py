"""Where Prometheus finds the metrics."""

from pydantic import Field

from shortener.settings.source import Section


class MetricsSettings(Section):
    """Metrics"""

    metrics_host: str = Field("127.0.0.1", description="Address on which Prometheus finds `/metrics`.")
    metrics_port: int = Field(0, ge=0, le=65535, description="Port on which Prometheus finds `/metrics`; 0: none.")
