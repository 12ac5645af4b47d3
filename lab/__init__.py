"""Measure the product. This package is not installed."""
