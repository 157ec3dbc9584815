"""Suites: what is measured of a system, on what, and beside which controls."""
