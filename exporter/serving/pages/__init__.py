"""The pages for people: an overview of all bots, one page per bot, the configuration in use, and what all of it means."""

from exporter.serving.pages.views import POLICY, Page, Pages, Reader

__all__ = ["POLICY", "Page", "Pages", "Reader"]
