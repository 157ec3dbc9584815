"""Costs: what time, memory and energy a system takes, and on what machine."""
