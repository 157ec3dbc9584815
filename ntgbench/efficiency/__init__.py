"""Efficiency: the time, memory, energy and disk space that a system takes, and on what machine."""
