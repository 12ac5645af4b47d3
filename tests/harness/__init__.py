"""What the tests share besides fixtures: waiting, programs from outside, and processes under test."""
