"""Datasets: the catalogue, one small reader a format, and how they are split."""
