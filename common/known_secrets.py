"""The public list of known secrets: what nobody has to guess, since programs for attacks bring it along.

It is the word list of ``flask-unsign`` (MIT): 56,000 secrets out of code at GitHub, GitLab and
Stack Overflow.
"""

from pathlib import Path

import flask_unsign_wordlist


def is_listed(secret: str) -> bool:
    """Whether the list has exactly this secret. Reads a file of 1.8 MB each time."""
    text = Path(flask_unsign_wordlist.get("all")).read_text(encoding="utf-8")
    # A line is a literal of the code that it was found in, with its quotation marks.
    return any(f"\n{mark}{secret}{mark}\n" in text for mark in "'\"")
