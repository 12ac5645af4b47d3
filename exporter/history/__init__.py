"""The past of each bot: fetched from the platform, kept, and judged by."""
