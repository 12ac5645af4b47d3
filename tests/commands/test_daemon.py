"""The process of the daemon."""

import subprocess
import sys

WITH_A_CYCLE = """
import asyncio, weakref
from exporter.commands.daemon import run_to_end

class Cycle:
    def __init__(self):
        self.itself = self

async def main():
    left = weakref.ref(Cycle())
    while left():
        await asyncio.sleep(0)
    print("collected")

run_to_end(main())
"""


def test_garbage_is_collected_without_new_objects() -> None:
    """Python's own rule waits for thousands of them, and by then most of a fleet's objects would be new."""
    ended = subprocess.run(
        [sys.executable, "-c", WITH_A_CYCLE], capture_output=True, text=True, timeout=170, check=True
    )

    assert "collected\n" == ended.stdout
