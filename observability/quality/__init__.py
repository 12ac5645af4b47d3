"""How good the alerts are: the very rules that ship, on weeks of simulated traffic with known incidents."""
