"""Calibration of the metrics of biflows: traffic of known truth, and the checks made with it."""
