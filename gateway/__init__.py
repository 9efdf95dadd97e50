"""HTTP in, calls out: the one door to the suite. Owns no data and no rules."""
