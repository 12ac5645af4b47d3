"""Fetch the past of each bot from the platform, keep it, and judge the bot by it."""
