"""Mechanism and words that all services share; imports no service and no gateway."""

VERSION = "0.1.0"
