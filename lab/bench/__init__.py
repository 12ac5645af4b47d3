"""Measure the exporter beside others, one table each: `make bench`, or a single one: `python -m lab.bench.scrape`.

Nothing here is part of the installed package, and no figure is asserted: they depend on the machine.
"""
