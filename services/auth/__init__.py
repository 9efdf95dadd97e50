"""Registration, login and tokens; keeps nothing itself."""
