"""``--web.config.file``: TLS, basic authentication and headers, in the format of Prometheus' exporter-toolkit."""

from exporter.serving.webconfig.current import CurrentWebConfig
from exporter.serving.webconfig.guard import protect

__all__ = ["CurrentWebConfig", "protect"]
