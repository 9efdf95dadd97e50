"""Local infrastructure of the suite: what starts it, watches it and catches its mails."""
