"""Measurements: ratios of one run, on one machine."""
