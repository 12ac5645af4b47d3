"""The past of a bot as its live series would have looked."""
