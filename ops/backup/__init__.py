"""Backup and restore: what the suite keeps, in one checked archive, and back.

``source.py`` tells the order in which it is read, and why; ``target.py`` the order in which it is written.
"""
