"""Imports every module of the installed package, to find what it needs and does not ask for."""

import importlib
import pkgutil

import exporter

for module in pkgutil.walk_packages(exporter.__path__, "exporter."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
