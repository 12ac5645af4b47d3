"""What the commands show to people in a terminal, and to scripts."""
