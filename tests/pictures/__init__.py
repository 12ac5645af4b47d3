"""Pictures of the dashboards' panels: ``PYTHONPATH=tests python -m pictures DIRECTORY``.

They are drawn by this package from the dashboards' JSON and a real Prometheus' answers to their queries. They are no
screenshots of Grafana, which lays out and draws the same panels in its own way.
"""
