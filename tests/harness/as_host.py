"""Run the exporter under another host name, as in a StatefulSet's pod: ``as_host.py NAME ARGUMENTS...``."""

import socket
import sys

from exporter.__main__ import main

if __name__ == "__main__":
    name = sys.argv[1]
    socket.gethostname = lambda: name
    main(sys.argv[2:])
