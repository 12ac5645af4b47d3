"""The exporter for as long as you like, against a platform that goes wrong in every way it can: `make soak`.

Everything that the platform says is written down, and everything on the metrics page is held against it.
"""
