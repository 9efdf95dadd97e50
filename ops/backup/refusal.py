"""Why a backup or a restore can't go on, in a line that says what to do."""


class BackupError(Exception):
    """Ends the command with its text and exit code 1."""
