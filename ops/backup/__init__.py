"""Backup and restore: what the suite keeps, in one checked archive, and back.

``source.py`` tells the order in which it is read, and why; ``target.py`` the order in which it is written.
"""

import warnings

# Said at every import, to developers; the README says it once, to those who choose.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
