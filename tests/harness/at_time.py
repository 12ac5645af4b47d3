"""Run the exporter with its clock set to another moment: ``at_time.py MOMENT ARGUMENTS...``.

A moment is one in ISO 8601, or a number of seconds from now with its sign, which is kept to the microsecond.
"""

import sys
import time

import time_machine

from exporter.__main__ import main

if __name__ == "__main__":
    moment, *arguments = sys.argv[1:]
    is_offset = moment[0] in "+-"
    before = time.time() - time.monotonic()
    with time_machine.travel(before + time.monotonic() if is_offset else moment, tick=True) as traveller:
        if is_offset:
            # Setting out takes time, by which the clock would be late. The monotonic clock stays as it is.
            traveller.shift(before + time.monotonic() + float(moment) - time.time())
        main(arguments)
