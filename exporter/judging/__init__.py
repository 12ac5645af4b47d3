"""What is usual for a bot, and how far it is from that: pure functions of its past, the calendar and the time.

docs/alerts.md explains the method.
"""
