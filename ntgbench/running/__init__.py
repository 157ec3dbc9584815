"""Running: which cells there are, and each of them in a process of its own."""
