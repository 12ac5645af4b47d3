"""The pages for people: an overview of all bots, a page per bot, the configuration in use, and help."""

from collections.abc import Callable

from exporter.config import Config
from exporter.serving.pages import bot, overview
from exporter.serving.pages import help as help_page
from exporter.serving.pages.configuration import to_yaml
from exporter.serving.pages.rendering import POLICY, Page, Reader, Renderer
from exporter.serving.pages.summary import Moment, compute_late_after
from exporter.serving.status import State

__all__ = ["POLICY", "Page", "Pages", "Reader"]


class Pages:
    """All pages. They are made in a thread, from a state that does not change."""

    def __init__(
        self, *, base: str, telemetry_path: str, version: str, configuration: Callable[[], Config | None]
    ) -> None:
        """Take what the pages need.

        Args:
            base: The beginning of every link: empty, or the overview's external URL with a slash at its end.
            telemetry_path: Where the metrics are.
            version: Of the exporter.
            configuration: Returns the configuration in use, if there is one yet.
        """
        self._renderer = Renderer(base, telemetry_path.lstrip("/"), version)
        self._configuration = configuration

    def overview(self, reader: Reader, state: State) -> Page:
        """List the bots below the health of platforms and tenants."""
        context = overview.collect(state, reader.parameters, self._find_moment(state))
        return self._renderer.render("overview.html", reader, **context)

    def bot(self, reader: Reader, state: State, tenant_id: str, access_code: str) -> Page:
        """Show a bot; the status is 404 if it does not exist."""
        context = bot.collect(state, tenant_id, access_code, self._find_moment(state))
        if context is None:
            return self._renderer.render("missing.html", reader, status=404)
        return self._renderer.render("bot.html", reader, **context)

    def settings(self, reader: Reader) -> Page:
        """Show the configuration in use, without its secrets."""
        config = self._configuration()
        return self._renderer.render("configuration.html", reader, text=to_yaml(config) if config else None)

    def help(self, reader: Reader) -> Page:
        """Explain the states and values, and link to other pages."""
        return self._renderer.render("help.html", reader, **help_page.collect())

    def _find_moment(self, state: State) -> Moment:
        config = self._configuration()
        return Moment(state.now, state.elapsed, compute_late_after(config) if config else None)
