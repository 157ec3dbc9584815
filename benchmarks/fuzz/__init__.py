"""Damaged and hostile input for every reader of data from outside.

`targets` says what is tried, `mutations` how an input is changed. The tests try some mutants of each target, and
`python -m benchmarks.fuzz` as many as there is time for.
"""
