"""Measurements of one part each, beside the rounds."""
