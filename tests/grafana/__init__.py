"""The dashboards drawn by Grafana's own code, which npm has, in Chromium."""
