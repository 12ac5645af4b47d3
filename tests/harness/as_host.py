"""Runs the exporter on a machine of another name, as a StatefulSet's pod is one: ``as_host.py NAME ARGUMENTS...``."""

import socket
import sys

from exporter.__main__ import main

if __name__ == "__main__":
    name = sys.argv[1]
    socket.gethostname = lambda: name
    main(sys.argv[2:])
