"""``--web.config.file``: TLS, basic authentication and headers, in the format of Prometheus' exporter-toolkit."""

from exporter.serving.webconfig.basic_auth import protect
from exporter.serving.webconfig.current import CurrentWebConfig

__all__ = ["CurrentWebConfig", "protect"]
