"""The parts of `make run`: checks, servers, service processes, and what the terminal shows."""
