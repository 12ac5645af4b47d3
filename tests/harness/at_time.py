"""Runs the exporter with its clock set to another moment, from which it goes on: ``at_time.py MOMENT ARGUMENTS...``."""

import sys

import time_machine

from exporter.cli import main

if __name__ == "__main__":
    with time_machine.travel(sys.argv[1], tick=True):
        main(sys.argv[2:], prog_name="oifde-exporter")
