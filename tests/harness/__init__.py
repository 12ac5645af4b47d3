"""Shared parts of the tests: waiting, other programs, processes under test, faults and records."""
