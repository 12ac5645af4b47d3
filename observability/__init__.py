"""The rules, alerts and dashboards that ship, as code, and the files they become."""
