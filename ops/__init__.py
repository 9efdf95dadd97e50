"""Local infrastructure of the suite: what starts it, watches it and catches its mails."""

import warnings

# Said at every import, to developers; the README says it once, to those who choose.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
