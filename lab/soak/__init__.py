"""Run the exporter against platforms that fail in every way, and check everything it shows: `make soak`.

Everything that the platform says is written down, and everything on the metrics page is held against it.
"""
