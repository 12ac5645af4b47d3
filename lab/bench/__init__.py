"""Side-by-side measurements of the exporter, one table each: `make bench`, or one alone: `python -m lab.bench.scrape`.

Nothing here is part of the installed package, and no figure is asserted: they depend on the machine.
"""
